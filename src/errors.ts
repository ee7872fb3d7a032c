/**
 * The one table of errors. The reply's `error.code`, the label of `armorm_errors_total` and the heading in
 * docs/errors.md are the same word; a test holds the three together.
 */

export interface ErrorRow {
  /** HTTP status of the reply; `null` for errors that end the process before it listens (exit code 1). */
  status: number | null
  /** What it means, one sentence. */
  meaning: string
  /** What the caller or the operator should do, one sentence. */
  action: string
}

export const ERRORS = {
  // What a caller sent.
  invalid_json: {
    status: 400,
    meaning: 'The body is not valid JSON.',
    action: 'Send one JSON object as UTF-8; the message names the position where it breaks.'
  },
  invalid_request: {
    status: 400,
    meaning: 'The body, the query or the path does not match the schema.',
    action: 'Compare with /docs; `details.issues` names each offending path.'
  },
  unsupported_media_type: {
    status: 415,
    meaning: 'The body is compressed, or is no JSON and not labelled as JSON, plain text or a form.',
    action:
      'Send `Content-Type: application/json` and no `Content-Encoding`; /v2/models/:model/infer takes gzip and deflate.'
  },
  unauthorized: {
    status: 401,
    meaning: 'The server asks for an API key, and the request has none, or none that is good.',
    action: 'Send `Authorization: Bearer <key>` or `X-API-Key: <key>`, or put `/k/<key>` before the path.'
  },
  forbidden: {
    status: 403,
    meaning:
      'A route under /admin was asked for by a web page; or, while no API keys are set, by a name that pages may have, or over a port that others reach too.',
    action:
      'Set --api-keys, or --admin-port, or listen on a loopback address; leave the header `Origin` out, and ask by address or as localhost.'
  },
  body_too_large: {
    status: 413,
    meaning: 'The body exceeds the limit in bytes.',
    action: 'Send fewer inputs a request, or raise --body-limit.'
  },
  body_too_complex: {
    status: 413,
    meaning: 'The body nests deeper, or holds more texts, objects and arrays, than one request may.',
    action: 'Send fewer inputs a request, or raise --max-json-values or --max-json-depth.'
  },
  too_many_inputs: {
    status: 413,
    meaning: 'The request holds more conversations than one request may.',
    action: 'Split the request, or raise --max-inputs; `details` has both numbers.'
  },
  too_many_tokens: {
    status: 413,
    meaning: 'The conversations of the request have more tokens together than one request may.',
    action: 'Split the request, or raise --max-request-tokens; `details` has both numbers.'
  },
  too_long: {
    status: 422,
    meaning: 'A conversation has more tokens than the model takes.',
    action: 'Shorten it, or ask for `"truncation": "prompt_left"`; `details` has the token counts.'
  },
  text_too_large: {
    status: 422,
    meaning:
      'A conversation has so many characters that it cannot fit, or took the tokenizer longer than its deadline.',
    action: 'Shorten the text.'
  },
  invalid_conversation: {
    status: 422,
    meaning:
      "The messages do not form a conversation that can be rated: roles are missing or unknown, no user turn, or the last message is not the assistant's.",
    action: 'End with the assistant message to rate, after at least one user message.'
  },
  unparsable_text: {
    status: 422,
    meaning:
      'Text that a trainer rendered gives no conversation: it does not start with its prompt, and shows no user and assistant turn of a chat template that is known (or of the one that --assume-template names).',
    action:
      'Send the prompt as it was rendered beside the text, where the contract has room for it, or set --assume-template; docs/rendered-text.md has the templates.'
  },
  template_failed: {
    status: 422,
    meaning: "The model's chat template refuses these messages.",
    action: "Follow the template's rule that the message quotes (many want alternating roles)."
  },
  invalid_token_ids: {
    status: 422,
    meaning: "A token id is outside the model's vocabulary, or there are too few.",
    action: "Use the ids of this model's own tokenizer."
  },
  no_gate: {
    status: 422,
    meaning: 'The token pattern that marks the end of the prompt does not occur in the text or the ids.',
    action: "Send `messages`, or render with this model's own chat template up to and including the assistant header."
  },
  no_tokenizer: {
    status: 422,
    meaning: 'The bundle has no tokenizer, so it scores `input_ids` only.',
    action: 'Send `input_ids`, or export the checkpoint together with its tokenizer files.'
  },
  unknown_model: {
    status: 404,
    meaning: 'The named model is not the one this server holds.',
    action: 'Leave `model` out, or use the name or the revision that /v1/models lists.'
  },
  explain_not_found: {
    status: 404,
    meaning:
      'No explanation is stored under this id: it was never given out, has expired, was pushed out by newer ones, or the store is turned off.',
    action: 'Score again, or use GET or POST /explain with the conversation itself.'
  },
  headers_too_large: {
    status: 431,
    meaning: 'The URL and the headers exceed what the server reads: --max-header-bytes.',
    action: 'Use POST /explain for long text.'
  },
  request_timeout: {
    status: 408,
    meaning: 'The request did not arrive in full in time: --headers-timeout, --receive-timeout.',
    action: 'Send the body without pauses; split large requests on slow links.'
  },
  client_closed: {
    status: 499,
    meaning: 'The client closed the connection before its reply; what of its work still waited was dropped.',
    action: 'Nothing, if that was meant; else give the client a longer timeout.'
  },
  reload_running: {
    status: 409,
    meaning: 'A reload is under way, or the model before it still has requests to answer.',
    action: 'Wait for its end, which the log tells, and ask again.'
  },
  not_found: { status: 404, meaning: 'There is no such route.', action: 'See /docs for the routes.' },
  method_not_allowed: {
    status: 405,
    meaning: 'The route exists, but not for this method.',
    action: 'Use a method from the `Allow` header.'
  },
  exceeds_queue: {
    status: 413,
    meaning: 'The request has more work than the queue may ever hold.',
    action: 'Split the request, or raise --max-queue-tokens or --max-queue-conversations; `details` has both numbers.'
  },
  overloaded: {
    status: 429,
    meaning:
      'More work waits than the server takes in, or than can be done in the time of this request; nothing of it was run. `details.reason` says which: tokens, conversations, deadline, or line.',
    action:
      'Retry after the seconds in `Retry-After` (exact: `details.retry_after_seconds`), which follow from the measured rate.'
  },
  // What the server could not do.
  non_finite: {
    status: 500,
    meaning: 'The model produced a value that is not a finite number; nothing of it was sent.',
    action: 'Report the input; check the checkpoint for overflow.'
  },
  engine_failed: {
    status: 500,
    meaning:
      'The engine failed on this conversation, each time that it was tried, at last alone; the message tells whether it ended the engine. Others that ran with it are answered.',
    action: "Report the conversation; see the server's log for the cause."
  },
  engine_unavailable: {
    status: 503,
    meaning: 'The engine is starting, restarting or stopping.',
    action: 'Retry after the seconds in `Retry-After`.'
  },
  too_many_connections: {
    status: 503,
    meaning: 'More connections are open than --max-connections; this one is closed.',
    action: 'Retry after the seconds in `Retry-After`, over fewer connections, or raise --max-connections.'
  },
  deadline_exceeded: {
    status: 504,
    meaning:
      'The time that `x-request-timeout-ms`, or else --request-timeout, gives a request was over before its answer was there; what of its work still waited was dropped.',
    action: 'Retry after the seconds in `Retry-After`, with fewer conversations a request or more time.'
  },
  shutting_down: { status: 503, meaning: 'The server is shutting down.', action: 'Retry against another replica.' },
  reload_failed: {
    status: 500,
    meaning: 'The bundle that was to go into service is not served: the model before serves on.',
    action: 'See `details.reason`, a code of start-up below; repair the bundle and ask again.'
  },
  internal: { status: 500, meaning: 'A defect of the server.', action: 'Report it with the request id.' },
  // What keeps the server or the exporter from starting.
  bundle_missing: {
    status: null,
    meaning: 'The bundle folder or one of its files does not exist.',
    action: 'Check --model, or export the bundle again.'
  },
  bundle_invalid: {
    status: null,
    meaning: 'bundle.json is not a manifest of a supported format.',
    action: 'Export the bundle again with this version.'
  },
  bundle_checksum: {
    status: null,
    meaning: 'A file of the bundle does not have the SHA-256 that the manifest states.',
    action: 'Copy or export the bundle again.'
  },
  bundle_graph: {
    status: null,
    meaning: 'An ONNX graph of the bundle does not load, or lacks the inputs and outputs of its contract.',
    action: 'Export the bundle again with this version.'
  },
  self_test_failed: {
    status: null,
    meaning: 'The bundle loads, but does not reproduce the scores stored in it.',
    action: 'Do not serve it: the file or the machine computes wrongly.'
  },
  provider_unavailable: {
    status: null,
    meaning: 'The execution provider asked for is not available on this machine.',
    action:
      'Use --provider cpu, or install the CUDA libraries (docs/operating.md, GPU) and serve an fp16 bundle on a machine with a CUDA device.'
  },
  not_enough_memory: {
    status: null,
    meaning: 'A reload would need more memory than is free beside the model in service.',
    action: 'Allow more memory (`armorm doctor` says how much), or restart the server instead.'
  },
  invalid_config: {
    status: null,
    meaning: 'A flag, environment variable or configuration file has a value that is not allowed.',
    action: 'See `armorm serve --help`.'
  },
  invalid_data: {
    status: null,
    meaning: 'A file of conversations has a line that cannot be used; the message names file and line.',
    action: 'Repair or remove the line.'
  },
  invalid_work: {
    status: null,
    meaning:
      "A file of the training's work folder is missing, unfinished or damaged, or was made with other settings or another model; the message names it.",
    action: 'Run the step that writes it, with --restart where the settings changed on purpose; or use another --work.'
  },
  work_in_use: {
    status: null,
    meaning: "Another process is writing to the training's work folder, or to annotate's --out; the message names it.",
    action: 'Wait for its end, or use another --work or --out.'
  },
  unsupported_checkpoint: {
    status: null,
    meaning: 'The checkpoint has a key, a tensor or a value that the exporter does not support; the message names it.',
    action: 'Use a LlamaForRewardModelWithGating checkpoint with supported settings.'
  }
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

/** An ArmormError as data, for the way between threads and processes: a structured clone keeps neither class nor code. */
export interface ErrorData {
  readonly code: ErrorCode
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

/** An error of the table. `message` is for people, `details` for programs; neither ever holds a prompt's text. */
export class ArmormError extends Error {
  override readonly name = 'ArmormError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }

  /** HTTP status; errors that belong to start-up answer 500 should one ever reach a reply. */
  get status(): number {
    return ERRORS[this.code].status ?? 500
  }

  /** The error that `toData` flattened; its cause stays behind. */
  static from({ code, message, details }: ErrorData): ArmormError {
    return new ArmormError(code, message, details)
  }

  /** What crosses to another thread or process. */
  toData(): ErrorData {
    return { code: this.code, message: this.message, details: this.details }
  }
}
