/** Files whose text binds whoever passes the weights on. */
export const LEGAL_FILE = /^(licen[cs]e|notice|copying|use_policy)(\.\w+)?$/i
