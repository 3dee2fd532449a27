/** A setting as people write it: `databases[0].connection`; a key with other characters is quoted. */
export function settingPath(steps: readonly (string | number)[], prefix = ""): string {
  return steps.reduce<string>((path, step) => {
    if (typeof step === "number") return `${path}[${step}]`;
    if (!/^[A-Za-z_][\w-]*$/.test(step)) return `${path}[${JSON.stringify(step.slice(0, 40))}]`;
    return path === "" ? step : `${path}.${step}`;
  }, prefix);
}
