/** A value that must never be printed: its text comes out only through `reveal()`. */
export interface Secret {
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

const hidden = "••••••";

export function secret(value: string): Secret {
  return { reveal: () => value, toString: () => hidden, toJSON: () => hidden };
}
