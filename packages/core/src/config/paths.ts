import { isAbsolute, join, resolve } from "node:path";

/** `~` and `~/…` as a shell reads them; other users' homes are left alone. */
export function expandHome(path: string, home: string): string {
  return path === "~" ? home : path.startsWith("~/") ? join(home, path.slice(2)) : path;
}

/** Absolute: `~` expanded, relative paths start at `folder`. */
export function absolutePath(path: string, folder: string, home: string): string {
  const expanded = expandHome(path, home);
  return isAbsolute(expanded) ? expanded : resolve(folder, expanded);
}
