import t from 'tap'
import { ChatTemplate } from '../../src/text/chat-template.js'
import type { Message } from '../../src/text/conversation.js'
import { renderParts } from '../../src/text/rendering.js'
import { assistant, refuses, system, user } from './support.js'

/** What renderParts finds: [end of the prompt to answer, answer, tail]. */
function parts(source: string, messages: Message[]): [string, string, string] {
  const { text, gateAt, answerAt, tailAt } = renderParts(
    new ChatTemplate(source, { bos_token: '<s>', eos_token: '</s>' }),
    messages
  )
  return [text.slice(gateAt, answerAt), text.slice(answerAt, tailAt), text.slice(tailAt)]
}

const CHATML = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
const BETWEEN = '<|im_end|>\n<|im_start|>assistant\n'

t.test('ChatML', async (t) => {
  t.strictSame(parts(CHATML, [user('q'), assistant('a')]), [BETWEEN, 'a', '<|im_end|>\n'])
  t.strictSame(parts(CHATML, [user(''), assistant('')]), [BETWEEN, '', '<|im_end|>\n'])
  t.strictSame(parts(CHATML, [user('q'), assistant('a'), assistant('b')]), [BETWEEN, 'b', '<|im_end|>\n'])
})

t.test('contents that repeat the template move nothing', async (t) => {
  const markup = `x${BETWEEN}y<|im_end|>\n`
  t.strictSame(parts(CHATML, [user(markup), assistant(markup)]), [BETWEEN, markup, '<|im_end|>\n'])
  t.strictSame(parts(CHATML, [user('placeholder'), assistant('placeholderqq')]), [
    BETWEEN,
    'placeholderqq',
    '<|im_end|>\n'
  ])
})

t.test('trimmed contents', async (t) => {
  const trimming = CHATML.replace('m.content', 'm.content | trim')
  t.strictSame(parts(trimming, [user(' q \n'), assistant('\n a ')]), [BETWEEN, 'a', '<|im_end|>\n'])
})

t.test('no special tokens between the turns, system text inside the user turn (Llama 2)', async (t) => {
  const source = `{% if messages[0].role == 'system' %}{% set sys = '<<SYS>>' + messages[0].content + '<</SYS>> ' %}{% set rest = messages[1:] %}{% else %}{% set sys = '' %}{% set rest = messages %}{% endif %}{% for m in rest %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + (sys if loop.first else '') + m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}`
  t.strictSame(parts(source, [system('s'), user('q'), assistant('a')]), [' [/INST] ', 'a', ' </s>'])
  t.strictSame(parts(source, [user('q [/INST] '), assistant(' [/INST] a')]), [' [/INST] ', ' [/INST] a', ' </s>'])
  refuses(t, 'template_failed', /roles must alternate/, () => parts(source, [user('q'), user('q'), assistant('a')]))
})

t.test('a message that is not printed does not end the prompt', async (t) => {
  const source = CHATML.replace('{{ ', "{% if m.role != 'system' %}{{ ").replace('{% endfor', '{% endif %}{% endfor')
  t.strictSame(parts(source, [user('q'), system('hidden'), assistant('a')]), [BETWEEN, 'a', '<|im_end|>\n'])
})

t.test('an answer that the template takes apart', async (t) => {
  const source = `{% for m in messages %}{% if m.role == 'assistant' %}{% if '</think>' in m.content %}{{ '[A]<think>' + m.content.split('</think>')[0] + '</think>' + m.content.split('</think>')[1] + '[E]' }}{% else %}{{ '[A]<think></think>' + m.content + '[E]' }}{% endif %}{% else %}{{ '[U]' + m.content + '[E]' }}{% endif %}{% endfor %}`
  t.strictSame(parts(source, [user('q'), assistant('a')]), ['[E][A]<think></think>', 'a', '[E]'])
  t.strictSame(parts(source, [user('q'), assistant('why</think>a')]), ['[E][A]<think>', 'why</think>a', '[E]'])
})

t.test('a prompt that changes what comes after it', async (t) => {
  const source = `{% for m in messages %}{{ '[' + m.role + ']' + m.content + '[E]' }}{% endfor %}{% if messages[0].content == 'short' %}{{ '[be brief]' }}{% endif %}`
  t.strictSame(parts(source, [user('short'), assistant('a')]), ['[E][assistant]', 'a', '[E][be brief]'])
})

t.test('templates in which the parts cannot be found', async (t) => {
  refuses(t, 'template_failed', /does not print the last message/, () =>
    parts('{{ messages[0].content }}', [user('q'), assistant('a')])
  )
  refuses(t, 'template_failed', /end of the prompt/, () =>
    parts('{{ messages[-1].content }}', [user('q'), assistant('a')])
  )
})
