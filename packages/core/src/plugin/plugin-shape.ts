type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with what a plugin's module exports as `plugin`, in words that follow "exports"; nothing: it is a definition. */
export function checkDefinitionShape(definition: unknown): string | undefined {
  if (definition === undefined) return "no 'plugin'";
  if (!isFields(definition)) return "a 'plugin' that is no object";
  if (definition["apiVersion"] !== 1)
    return `a 'plugin' of apiVersion ${shown(definition["apiVersion"])}, and only 1 is known here`;
  if (typeof definition["name"] !== "string" || definition["name"] === "") return "a 'plugin' without a name";
  if (!isFields(definition["options"])) return "a 'plugin' whose options are no JSON Schema";
  if (typeof definition["setup"] !== "function") return "a 'plugin' without a setup function";
  if (!["undefined", "boolean"].includes(typeof definition["required"]))
    return "a 'plugin' whose 'required' is neither true nor false";
  return undefined;
}

/** What is wrong with what `setup` returned, in words that follow "returned"; nothing: it is a plugin. */
export function checkPluginShape(plugin: unknown): string | undefined {
  if (!isFields(plugin)) return plugin === undefined ? "nothing" : "no object";
  const { on, observe, storage, stages, close } = plugin as Record<
    "on" | "observe" | "storage" | "stages" | "close",
    unknown
  >;
  if (
    on !== undefined &&
    !(
      isFields(on) &&
      Object.values(on).every((reaction) => reaction === undefined || typeof reaction === "function")
    )
  )
    return "an 'on' that does not hold functions";
  if (observe !== undefined && typeof observe !== "function") return "an 'observe' that is no function";
  if (close !== undefined && typeof close !== "function") return "a 'close' that is no function";
  if (
    stages !== undefined &&
    !(Array.isArray(stages) && stages.every((stage) => has(stage, ["apply", "undo"], ["name"])))
  )
    return "'stages' that are no stages";
  if (storage !== undefined && !(Array.isArray(storage) && storage.every(isStorage)))
    return "a 'storage' without destination and retention";
  return undefined;
}

function isStorage(storage: unknown): boolean {
  return (
    isFields(storage) &&
    isFields(storage["retention"]) &&
    has(storage["destination"], ["put", "get", "stat", "list", "delete", "close"], ["name"])
  );
}

function has(value: unknown, functions: readonly string[], texts: readonly string[]): boolean {
  return (
    isFields(value) &&
    functions.every((name) => typeof value[name] === "function") &&
    texts.every((name) => typeof value[name] === "string" && value[name] !== "")
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return typeof value === "number" || value === undefined ? String(value) : `of type ${typeof value}`;
}
