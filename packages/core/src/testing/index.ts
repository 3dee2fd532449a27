export { type DestinationCase, destinationContract } from "./destination-contract.ts";
export { faultyDestination } from "./faulty-destination.ts";
export { memoryDestination, readObject } from "./memory-destination.ts";
export { type StageCase, stageContract } from "./stage-contract.ts";
