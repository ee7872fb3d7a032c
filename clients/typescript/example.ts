import { createArmormClient } from './index.js'

const armorm = createArmormClient(process.argv[2] ?? 'http://127.0.0.1:8080')

const { data, error } = await armorm.POST('/score', {
  body: {
    inputs: [
      { prompt: 'What is 2+2?', response: '4' },
      { prompt: 'What is 2+2?', response: '5' }
    ],
    return: ['score', 'ratings'],
    on_error: 'item'
  }
})
if (error) throw new Error(`${error.error.code}: ${error.error.message}`)

// vLLM's clients get another form at the same URL.
if (!('results' in data)) throw new Error('this is no reply to `inputs`')
for (const result of data.results) {
  if ('score' in result) console.log(result.score, result.ratings)
}
