import { defineConfig } from "vitest/config";

// Packages of this workspace resolve to their TypeScript sources: tests need no build.
const conditions = ["backup-source", "module", "node", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    environment: "node",
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    server: { deps: { inline: [/^@restorable\//] } },
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
