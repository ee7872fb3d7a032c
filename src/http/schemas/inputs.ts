/** The forms in which a caller may hand over what is to be rated. */
import { type Static, Type } from 'typebox'

const strict = { additionalProperties: false }

export const Message = Type.Object(
  { role: Type.String({ minLength: 1, maxLength: 64 }), content: Type.String() },
  { ...strict, title: 'Message', description: 'One message; special tokens written inside content stay plain text.' }
)

const SAFE = Number.MAX_SAFE_INTEGER

/** Integers beyond the bounds would come back as others. */
export const InputId = Type.Union([Type.String({ maxLength: 256 }), Type.Integer({ minimum: -SAFE, maximum: SAFE })], {
  title: 'InputId',
  description: "The caller's own name for an input, echoed in its result."
})
export type InputId = Static<typeof InputId>

const id = Type.Optional(InputId)

const Prompt = Type.Union([Type.String(), Type.Array(Message)], {
  description: 'The user message, or all messages before the answer.'
})

export const MessagesInput = Type.Object(
  { id, messages: Type.Array(Message, { description: "The last message is the assistant's: the answer to rate." }) },
  { ...strict, title: 'MessagesInput' }
)

export const ResponseInput = Type.Object(
  { id, prompt: Prompt, response: Type.String({ description: 'The answer to rate.' }) },
  { ...strict, title: 'ResponseInput' }
)

export const ResponsesInput = Type.Object(
  {
    id,
    prompt: Prompt,
    responses: Type.Array(Type.String(), { description: 'Answers to the one prompt, each rated on its own.' })
  },
  { ...strict, title: 'ResponsesInput' }
)

export const TextInput = Type.Object(
  {
    id,
    text: Type.String({ description: "Rendered by this model's own chat template; special tokens are honoured." })
  },
  { ...strict, title: 'TextInput' }
)

export const TokensInput = Type.Object(
  {
    id,
    input_ids: Type.Array(Type.Integer(), { description: "Ids of this model's own tokenizer, used as they are." })
  },
  { ...strict, title: 'TokensInput' }
)

/** What /docs offers to try. */
export const CONVERSATION_EXAMPLE = {
  messages: [
    { role: 'user', content: 'What is the capital of Australia?' },
    { role: 'assistant', content: 'The capital of Australia is Canberra.' }
  ]
}

export const Input = Type.Union([MessagesInput, ResponseInput, ResponsesInput, TextInput, TokensInput], {
  title: 'Input'
})

/** Fields that a request has beside its inputs; the same in every request. */
export const options = {
  truncation: Type.Optional(
    Type.Enum(['none', 'prompt_left'], {
      default: 'none',
      description:
        'What to do with a conversation that is too long: refuse it, or cut the prompt from the left and keep the response whole.'
    })
  ),
  model: Type.Optional(
    Type.String({ maxLength: 256, description: 'Name or revision that /v1/models lists; any other is refused.' })
  )
}

export type MessageBody = Static<typeof Message>
