const secretWord =
  /passw|passphrase|^pass$|secret|token|credential|(api|access|account|private|signing|encryption)[-_]?key/i;
const pointsElsewhere = /(file|path|folder|name|user|url|env|host)$/i;

/** Whether a setting of this name holds a secret itself: `password`, `apiKey`, but not `passfile` or `tokenUrl`. */
export function isSecretName(name: string): boolean {
  return secretWord.test(name) && !pointsElsewhere.test(name);
}

/** The password inside `scheme://user:password@host` or `?password=`, as written and decoded; none: empty. */
export function passwordsInUri(text: string): string[] {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return [];
  const authority = /^[^:]+:\/\/([^/?#]*)@/.exec(text)?.[1];
  const afterUser = authority?.includes(":") ? authority.slice(authority.indexOf(":") + 1) : undefined;
  const parameters = [...text.matchAll(/[?&](?:password|sslpassword)=([^&#]*)/gi)].map((match) => match[1]);
  return [afterUser, ...parameters].flatMap((written) =>
    written ? [...new Set([written, decoded(written)])] : [],
  );
}

function decoded(written: string): string {
  try {
    return decodeURIComponent(written);
  } catch {
    return written; // a stray % : libpq will complain, we need not
  }
}
