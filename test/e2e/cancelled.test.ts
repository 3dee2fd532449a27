import { describeStopped } from "../support/stopped.ts";

describeStopped([
  ["SIGTERM", 143],
  ["SIGINT", 130],
]);
