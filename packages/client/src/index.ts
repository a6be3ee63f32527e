/**
 * The typed client of a Tidings server: HTTP, live events, views that stay whole, commands that survive being offline,
 * and answers that stream. It knows no framework.
 */
export * from './types.ts';
export * from './events.ts';
export * from './errors.ts';
export { AS_OF, asOf, earliest, type Heads, type Snapshot } from './as-of.ts';
export { createApi, type Api, type ApiOptions } from './http.ts';
export { backoff, systemClock, type Chance, type Clock } from './clock.ts';
export { Tidings, createTidings, type TidingsOptions, type Unsubscribe } from './tidings.ts';
export type { ConnectionState, Transport } from './sync/connector.ts';
export type { CaughtUp, Claims } from './sync/follow.ts';
export type { Link, LinkHost } from './sync/link.ts';
export { MAX_WAITING, type ViewPhase } from './sync/view-machine.ts';
export type { View, ViewOptions, ViewState } from './sync/view.ts';
export { Commands, type AnyCommand, type Draft } from './outbox/commands.ts';
export { GivenUp } from './outbox/answers.ts';
export { IndexedDbStore } from './outbox/indexed-db.ts';
export type { Entry, WaitingFor } from './outbox/machine.ts';
export { Outbox, type OutboxParts, type Sent } from './outbox/outbox.ts';
export {
	LIMITS,
	OutboxFull,
	OutboxUnavailable,
	type Command,
	type Json,
	type OutboxLimits,
	type Request as CommandRequest,
} from './outbox/row.ts';
export { HttpSender, type Sender } from './outbox/send.ts';
export { MemoryStore, type Change, type OutboxStore } from './outbox/store.ts';
export { BrowserTabs, OneTab, type TabMessage, type Tabs } from './outbox/tabs.ts';
export { uuid } from './uuid.ts';
export { deltaOf, errorText, sseData, type Delta } from './stream.ts';
