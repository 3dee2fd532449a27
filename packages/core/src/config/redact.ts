const hidden = "••••••";

/** Shorter values are not hidden: they protect nothing, and hiding every "1" or "db" would make messages unreadable. */
const shortestSecret = 4;

/**
 * Hides every known secret in a text: as it is, url-encoded, JSON-escaped and base64-encoded, there also inside a longer
 * encoding such as `Basic user:password`. Overlapping finds are hidden as one, so that no end of a longer secret remains.
 * Values shorter than `shortestSecret` characters are ignored; of several lines, each of eight or more is hidden too.
 */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const needles = [...new Set(secrets.flatMap(withLines).flatMap(encodings))]
    .filter((needle) => needle.length >= shortestSecret && needle.replaceAll("•", "") !== "")
    .sort((a, b) => b.length - a.length);
  if (needles.length === 0) return (text) => text;
  return (text) => {
    const spans = needles
      .flatMap((needle) => occurrences(text, needle))
      .sort((a, b) => a.start - b.start || b.end - a.end);
    let result = "";
    let position = 0;
    for (const { start, end } of spans) {
      if (start >= position) result += text.slice(position, start) + hidden;
      position = Math.max(position, end);
    }
    return result + text.slice(position);
  };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function occurrences(text: string, needle: string): Span[] {
  const spans: Span[] = [];
  for (let start = text.indexOf(needle); start !== -1; start = text.indexOf(needle, start + 1)) {
    spans.push({ start, end: start + needle.length });
  }
  return spans;
}

function withLines(value: string): string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  return lines.length > 1 ? [value, value.trim(), ...lines.filter((line) => line.length >= 8)] : [value];
}

function encodings(value: string): string[] {
  if (value.length < shortestSecret) return [];
  const url = encodeURIComponent(value.toWellFormed());
  const strict = url.replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const urls = [url, strict, strict.replaceAll("%20", "+")];
  const base64 = [Buffer.from(value).toString("base64"), ...insideBase64(value)];
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    ...urls,
    ...urls.map((text) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")),
    ...base64.map((text) => text.replace(/=+$/, "")),
  ];
}

/** The characters that depend on the value alone, wherever among the encoded bytes it begins; short ones would hit by chance. */
function insideBase64(value: string): string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    const inner = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    return inner.length >= 7 ? [inner] : [];
  });
}
