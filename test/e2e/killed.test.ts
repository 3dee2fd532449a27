import { describeStopped } from "../support/stopped.ts";

describeStopped([["SIGKILL", null]]);
