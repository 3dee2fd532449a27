import { spawn } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { describe, expect, it } from "vitest";
import { systemProcesses } from "../../src/host/programs.ts";

const processes = systemProcesses();
const sh = (script: string): { program: string; args: readonly string[] } => ({
  program: "sh",
  args: ["-c", script],
});

describe("programs", () => {
  it("joins programs and streams", async () => {
    const chain = await processes.start([
      sh("head -c 3000000 /dev/zero"),
      { program: "gzip", args: ["-1"] },
      createGunzip(),
    ]);
    expect((await buffer(chain.output)).length).toBe(3_000_000);
    await chain.done;
  });

  it("feeds input and gives output", async () => {
    const chain = await processes.start([{ program: "tr", args: ["a-z", "A-Z"] }], {
      input: Readable.from([Buffer.from("hello")]),
    });
    expect(await text(chain.output)).toBe("HELLO");
    await chain.done;
  });

  it("errors rather than ends when a program fails after half its output", async () => {
    const chain = await processes.start([
      sh("head -c 1000000 /dev/zero; echo broken >&2; exit 3"),
      { program: "gzip", args: ["-1"] },
    ]);
    await expect(buffer(chain.output)).rejects.toMatchObject({
      code: "PROGRAM_FAILED",
      message: expect.stringContaining("exited with 3: broken"),
    });
    await expect(chain.done).rejects.toMatchObject({ details: { exitCode: 3 } });
  });

  it("does not hang when the consumer dies first", async () => {
    const chain = await processes.start([sh("yes"), sh("head -c 10; exit 5")]);
    await expect(buffer(chain.output)).rejects.toMatchObject({ details: { exitCode: 5 } });
  });

  it("ends when nobody reads on", async () => {
    const chain = await processes.start([sh("yes")]);
    chain.output.destroy();
    await expect(chain.done).rejects.toMatchObject({ code: "PROGRAM_FAILED" });
  });

  it("stops at an abort with the signal's own reason", async () => {
    const controller = new AbortController();
    const chain = await processes.start([sh("sleep 60")], { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(chain.done).rejects.toThrow("enough");
  });

  it("collects what a program says on both channels", async () => {
    expect(await processes.run(sh("echo out; echo warned >&2"))).toEqual({
      stdout: "out\n",
      stderr: "warned\n",
    });
    await expect(processes.run(sh("echo broken >&2; exit 4"))).rejects.toMatchObject({
      details: { exitCode: 4 },
      message: expect.stringContaining("broken"),
    });
  });

  it("names a program that is not there", async () => {
    await expect(processes.start([{ program: "no-such-program", args: [] }])).rejects.toMatchObject({
      code: "PROGRAM_NOT_FOUND",
    });
  });

  it("takes its children along when it is killed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "programs-"));
    const module = new URL("../../src/host/programs.ts", import.meta.url).href;
    const script = `const { systemProcesses } = await import(${JSON.stringify(module)});
      const chain = await systemProcesses().start([{ program: "sh", args: ["-c", "echo $$ > ${folder}/pid; exec sleep 60"] }]); chain.output.resume(); await chain.done;`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
    let pid = "";
    for (let wait = 0; wait < 100 && !pid; wait += 1) {
      await new Promise((go) => setTimeout(go, 50));
      pid = (await readFile(join(folder, "pid"), "utf8").catch(() => "")).trim();
    }
    expect(pid).not.toBe("");
    parent.kill("SIGKILL");
    await new Promise((go) => setTimeout(go, 300));
    // Gone, or a zombie that nobody has collected yet.
    const state = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone");
    expect(state === "gone" || state.includes(") Z ")).toBe(true);
  });
});
