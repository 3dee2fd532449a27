import { chmod, readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { runBackup, testHome } from "../support/command.ts";

describe("the configuration, as a user meets it", () => {
  it("tells the mistakes of the file and of a plugin's options at once, exit 2", async () => {
    const user = await testHome("postgresql://127.0.0.1/shop", { head: "dumb: { jobs: 2 }" });
    const text = await readFile(user.config, "utf8");
    await writeFile(user.config, text.replace("options: { path:", "options: { retention: { dys: 3 }, path:"));
    const { exit, stdout, stderr } = await runBackup(["config", "validate"], user);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" });
    expect(stderr).toContain("dumb");
    expect(stderr).toMatch(/plugins\[0\]\.options\.retention\.dys/);
    expect(stderr).toMatch(/did you mean/i);
    for (const line of stderr.split("\n"))
      if (!line.includes("/")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("refuses a file with a password that others can read, and shows no password", async () => {
    const user = await testHome("postgresql://me:hunter-two@127.0.0.1/shop");
    await chmod(user.config, 0o644);
    for (const args of [["run"], ["config", "show", "--json"]]) {
      const { exit, stdout, stderr } = await runBackup(args, user);
      expect(exit).toBe(2);
      expect(stdout + stderr).toContain("CONFIG_EXPOSED");
      expect(stdout + stderr).not.toContain("hunter-two");
    }
    await chmod(user.config, 0o600);
    const shown = await runBackup(["config", "show"], user);
    expect(shown.exit).toBe(0);
    expect(shown.stdout).not.toContain("hunter-two");
  });

  it("says where it looked when there is none", async () => {
    const user = await testHome("postgresql://127.0.0.1/shop");
    const { exit, stderr } = await runBackup(["list", "--config", `${user.home}/absent.yaml`], user);
    expect(exit).toBe(2);
    expect(stderr).toContain("absent.yaml");
  });

  it.each(["run", "list", "verify", "restore", "rotate", "config show", "config validate", "demo"])(
    "%s has help with two examples or more",
    async (command) => {
      const user = await testHome("postgresql://127.0.0.1/shop");
      const { exit, stdout } = await runBackup([...command.split(" "), "--help"], user);
      expect(exit).toBe(0);
      expect(stdout.match(/\$ backup /g)?.length ?? 0).toBeGreaterThanOrEqual(3);
      for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    },
  );
});
