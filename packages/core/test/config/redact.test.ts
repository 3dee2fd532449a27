import * as fc from "fast-check";
import { expect, test } from "vitest";
import { redactor } from "../../src/config/redact.ts";

const secrets = fc
  .string({ unit: "grapheme", minLength: 4, maxLength: 40 })
  .filter((text) => text.isWellFormed() && !text.includes("•"));
// Longer ones for base64: four characters of it turn up by chance.
const longSecrets = secrets.filter((text) => Buffer.byteLength(text) >= 9);

test("no secret remains in any text, in no encoding", () => {
  fc.assert(
    fc.property(
      fc.array(secrets, { minLength: 1, maxLength: 5 }),
      fc.array(fc.string(), { minLength: 6, maxLength: 6 }),
      (values, between) => {
        const forms = values.flatMap((value) => [
          value,
          encodeURIComponent(value),
          Buffer.from(value).toString("base64"),
          JSON.stringify(value).slice(1, -1),
        ]);
        const text = forms.map((form, index) => form + (between[index % between.length] ?? "")).join(" ");
        const hidden = redactor(values)(text);
        for (const form of forms) expect(hidden.includes(form)).toBe(false);
      },
    ),
  );
});

test("a secret inside a longer base64 text is hidden", () => {
  fc.assert(
    fc.property(longSecrets, fc.string({ maxLength: 7 }), (value, user) => {
      const encoded = Buffer.from(`${user}:${value}`).toString("base64");
      const hidden = redactor([value])(`Basic ${encoded}`);
      expect(hidden).toContain("••••••");
      expect(Buffer.from(hidden.slice(6).split("•")[0] ?? "", "base64").toString()).not.toContain(value);
    }),
  );
});

test("what is no secret stays as it is", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z ]*$/), (text) => {
      expect(redactor(["S3CRET-VALUE"])(text)).toBe(text);
    }),
  );
});

test("the longest goes first, and overlapping ones leave no end behind", () => {
  expect(redactor(["pass", "password1"])("password1 pass passport")).toBe("•••••• •••••• ••••••port");
  expect(redactor(["abcdX", "dXefgh"])("-abcdXefgh-")).toBe("-••••••-");
});

test("url-encoded in every manner, over several lines", () => {
  const redact = redactor(["p@ss wörd/x", "-----BEGIN KEY\nMIIEvQIBADAN\nab"]);
  for (const text of ["p%40ss%20w%C3%B6rd%2Fx", "p%40ss%20w%c3%b6rd%2fx", "p%40ss+w%C3%B6rd%2Fx"])
    expect(redact(text)).toBe("••••••");
  expect(redact("line MIIEvQIBADAN")).toBe("line ••••••");
});

test("values shorter than four characters are ignored", () => {
  expect(redactor(["", "1", "abc"])("1 abc")).toBe("1 abc");
  expect(redactor(["abcd"])("abcd")).toBe("••••••");
});
