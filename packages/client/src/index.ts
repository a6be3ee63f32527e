/**
 * The typed client of a Tidings server: HTTP, socket and streams. It knows no framework.
 */
export * from './types.ts';
export * from './events.ts';
export * from './errors.ts';
export { AS_OF, asOf, type Heads, type Snapshot } from './as-of.ts';
export { createApi, type Api, type ApiOptions } from './http.ts';
export { Live, HEARTBEAT_MS, type ConnectionState, type LiveOptions, type Transport } from './socket.ts';
export { Positions, type Verdict } from './positions.ts';
export { deltaOf, errorText, sseData, type Delta } from './stream.ts';
