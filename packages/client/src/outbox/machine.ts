/**
 * What is sent next, and what an answer means. Pure: rows, the state of the connection and the time go in.
 *
 * Within a resource the first that has not failed goes, and the next waits for its answer; a failed one holds up nobody.
 */
import { backoff, type Chance } from '../clock.ts';
import type { Json, Row } from './row.ts';

/** What must be so for anything to be sent. */
export interface Gate {
	isLive: boolean;
	/** There is a token, and it is of the person whose commands these are. */
	isSignedIn: boolean;
}

/** Why a pending command is not on its way. */
export type WaitingFor = 'connection' | 'sign-in' | 'server' | 'space' | 'turn';

/** A command as an application sees it. */
export interface Entry extends Pick<
	Row,
	'id' | 'kind' | 'resource' | 'request' | 'at' | 'state' | 'attempts' | 'retryAt' | 'reason' | 'code' | 'status'
> {
	note: Json;
	/** Pending ones only. */
	waitingFor: WaitingFor | null;
	/** Failed ones only: whether trying again as it is may help. */
	retryable: boolean;
}

/** How an attempt ended. */
export type Outcome =
	| { kind: 'done'; answer: Json }
	| { kind: 'refused'; reason: string; code: string; status: number; retryable: boolean }
	/** No answer (`status` null), or one that asks for patience. */
	| { kind: 'later'; met: 'server' | 'space'; reason: string; status: number | null; afterMs: number | null }
	/** The token is not valid. */
	| { kind: 'sign-in' };

/** How long the server remembers, less a day: what was first sent before that is asked for before it is sent again. */
export const ASK_AFTER_MS = 6 * 24 * 3_600_000;

/** How many are on their way at once, each of another resource. */
const AT_ONCE = 4;
/** An attempt of a tab that cannot be asked counts as dead after this time, in milliseconds. */
export const CLAIM_MS = 60_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
const SPACE_WAIT_MS = 10_000;
const LONGEST_SPACE_WAIT_MS = 120_000;
/** After so many answers that the server broke, in a row, nobody expects another. */
const BROKEN_ATTEMPTS = 8;

/** The rows that may go now, the oldest of each resource first. */
export function next(rows: readonly Row[], gate: Gate, now: number): Row[] {
	if (!gate.isLive || !gate.isSignedIn) return [];
	const underWay = rows.filter((row) => row.state === 'sending').length;
	const free = Math.max(0, AT_ONCE - underWay);
	return heads(rows)
		.filter((row) => row.state === 'pending' && (row.retryAt ?? 0) <= now)
		.slice(0, free);
}

/** When something that only waits for time is due, in milliseconds; null if nothing does. */
export function due(rows: readonly Row[]): number | null {
	const times = heads(rows)
		.filter((row) => row.state === 'pending')
		.map((row) => row.retryAt ?? 0);
	return times.length === 0 ? null : Math.min(...times);
}

function heads(rows: readonly Row[]): Row[] {
	const first = new Map<string, Row>();
	for (const row of [...rows].sort((a, b) => a.order - b.order)) {
		if (row.state !== 'failed' && !first.has(row.resource)) first.set(row.resource, row);
	}
	return [...first.values()];
}

/** The row as it is sent now. */
export function claimed(row: Row, now: number): Row {
	return {
		...row,
		state: 'sending',
		attempts: row.attempts + 1,
		firstSentAt: row.firstSentAt ?? now,
		claimedAt: now,
	};
}

/** Whether the server must be asked if it ran, before it is sent (again). Messages are known for ever. */
export function mustAsk(row: Row, now: number): boolean {
	return row.once === 'key' && row.firstSentAt !== null && now - row.firstSentAt > ASK_AFTER_MS;
}

/** The row after an attempt; null when nothing is left to do. */
export function after(row: Row, outcome: Outcome, now: number, chance: Chance): Row | null {
	const rest: Row = { ...row, claimedAt: null, retryAt: null, met: null };
	const isWanted = !row.isCancelled && !row.isConfirmed;
	switch (outcome.kind) {
		case 'done':
			return null;
		case 'refused': {
			if (!isWanted) return null;
			const { reason, code, status, retryable } = outcome;
			return { ...rest, state: 'failed', reason, code, status, retryable };
		}
		case 'later': {
			if (!isWanted) return null;
			const { met, reason, status, afterMs } = outcome;
			if (status === 500 && row.attempts >= BROKEN_ATTEMPTS) {
				return { ...rest, state: 'failed', reason, code: 'http_500', status, retryable: true };
			}
			const wait =
				met === 'space'
					? backoff(row.attempts, SPACE_WAIT_MS, LONGEST_SPACE_WAIT_MS, chance)
					: backoff(row.attempts, FIRST_WAIT_MS, LONGEST_WAIT_MS, chance);
			return { ...rest, state: 'pending', met, reason, status, retryAt: now + Math.max(wait, afterMs ?? 0) };
		}
		case 'sign-in':
			return isWanted ? { ...rest, state: 'pending' } : null;
		default:
			return outcome satisfies never;
	}
}

/** Rows whose attempt was cut off with its tab go back into the queue. `isSure`: nobody else can be sending. */
export function revived(rows: readonly Row[], isSure: boolean, now: number): Row[] {
	return rows
		.filter((row) => row.state === 'sending' && (isSure || now - (row.claimedAt ?? 0) > CLAIM_MS))
		.map((row) => ({ ...row, state: 'pending', claimedAt: null, retryAt: null }));
}

/** The connection is back: what only met silence is due at once. */
export function reconnected(rows: readonly Row[]): Row[] {
	return rows
		.filter((row) => row.state === 'pending' && row.met === 'server' && row.status === null && row.retryAt !== null)
		.map((row) => ({ ...row, retryAt: null, attempts: Math.min(row.attempts, 1) }));
}

/** The person tries again what failed, or does not want to wait. */
export function retried(row: Row): Row {
	// The answer to whether it ran is the person's now: it is sent without being asked for again.
	const firstSentAt = row.state === 'failed' ? null : row.firstSentAt;
	return {
		...row,
		state: 'pending',
		attempts: 0,
		firstSentAt,
		retryAt: null,
		met: null,
		reason: null,
		code: null,
		status: null,
	};
}

/** What an application is shown. */
export function entries(rows: readonly Row[], gate: Gate): Entry[] {
	const first = new Set(heads(rows));
	return [...rows]
		.sort((a, b) => a.order - b.order)
		.map((row) => {
			const {
				id,
				kind,
				resource,
				request,
				note = null,
				at,
				state,
				attempts,
				retryAt,
				reason,
				code,
				status,
			} = row;
			const waitingFor = state === 'pending' ? waits(row, first.has(row), gate) : null;
			const retryable = state === 'failed' && row.retryable;
			return {
				id,
				kind,
				resource,
				request,
				note,
				at,
				state,
				waitingFor,
				attempts,
				retryAt,
				reason,
				code,
				status,
				retryable,
			};
		});
}

function waits(row: Row, isFirst: boolean, gate: Gate): WaitingFor {
	if (!gate.isSignedIn) return 'sign-in';
	if (!gate.isLive) return 'connection';
	if (!isFirst) return 'turn';
	return row.met ?? 'turn';
}
