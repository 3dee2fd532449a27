export { artifactOf } from "./artifact-of.ts";
export { type DestinationCase, destinationContract } from "./destination-contract.ts";
export { type CountedCalls, type Fault, faultyDestination } from "./faulty-destination.ts";
export { memoryDestination, readObject } from "./memory-destination.ts";
export { type StageCase, stageContract } from "./stage-contract.ts";
