import t from 'tap'
import { ChatTemplate, specialToken, templateSource } from '../../src/text/chat-template.js'
import { assistant, refusal, refuses, user } from './support.js'

const messages = [user('question'), assistant('answer')]

t.test('the file stands over the configuration, the entry named default over others', async (t) => {
  t.equal(templateSource('file', { chat_template: 'inline' }), 'file')
  t.equal(templateSource(null, { chat_template: 'inline' }), 'inline')
  const list = [
    { name: 'tool_use', template: 'a' },
    { name: 'default', template: 'b' }
  ]
  t.equal(templateSource(null, { chat_template: list }), 'b')
  t.equal(templateSource(null, { chat_template: list.slice(0, 1) }), null)
  t.equal(templateSource(null, {}), null)
})

t.test('special tokens are strings or objects', async (t) => {
  t.equal(specialToken({ bos_token: '<s>' }, 'bos_token'), '<s>')
  t.equal(specialToken({ bos_token: { content: '<s>', lstrip: false } }, 'bos_token'), '<s>')
  t.equal(specialToken({ bos_token: null }, 'bos_token'), null)
  t.equal(specialToken({}, 'bos_token'), null)
})

t.test('a template finds what transformers gives it', async (t) => {
  const source =
    "{{ bos_token }}{{ eos_token }}|{{ tools is none }}|{{ documents is none }}|{{ add_generation_prompt }}|{{ pad_token is defined }}|{{ strftime_now('%Y') | length }}"
  const template = new ChatTemplate(source, { bos_token: '<s>', eos_token: { content: '</s>' } })
  t.equal(template.render(messages).toLowerCase(), '<s></s>|true|true|false|false|4')
})

t.test('blocks are trimmed as transformers trims them', async (t) => {
  const source = '{% for m in messages %}\n  {% if true %}\n{{ m.role }}\n  {% endif %}\n{% endfor %}\nend\n'
  t.equal(new ChatTemplate(source, {}).render(messages), 'user\nassistant\nend')
})

t.test("a template's refusal is quoted, the messages are not", async (t) => {
  const raising = (what: string) => new ChatTemplate(`{{ raise_exception(${what}) }}`, {})
  refuses(t, 'template_failed', /: roles must alternate$/, () => raising("'roles must alternate'").render(messages))
  const secret = [user('a secret question'), assistant('x')]
  const leaking = refusal(() => raising("'bad: ' + messages[0].content").render(secret))
  t.equal(leaking.code, 'template_failed')
  t.notMatch(leaking.message, 'secret')
  t.equal(leaking.cause, undefined, 'nor is the message kept as a cause')
  const partly = refusal(() => raising("'bad: ' + messages[0].content[2:8]").render(secret))
  t.notMatch(partly.message, 'secret')
  const seldom = new ChatTemplate(
    "{% if 'secret' in messages[0].content %}{{ raise_exception('no secret') }}{% endif %}",
    {}
  )
  refuses(t, 'template_failed', /is left out$/, () => seldom.render(secret))
  refuses(t, 'template_failed', /refuses/, () => new ChatTemplate('{{ no_such_function() }}', {}).render(messages))
})

t.test('a template that does not parse is a bad bundle', async (t) => {
  refuses(t, 'bundle_invalid', /does not parse/, () => new ChatTemplate('{% for %}', {}))
})
