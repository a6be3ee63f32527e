/**
 * A command as it is kept: what is to be asked of the server, under which key, and what became of it so far. Pure.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What is to be asked of the server. */
export interface Request {
	method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Below the server's origin, with its query. */
	path: string;
	body?: Json;
}

/** A command that an application gives. */
export interface Command {
	/** The application's word for it, for example `post`. */
	kind: string;
	/** Commands of one resource are sent in the order in which they were given. */
	resource: string;
	request: Request;
	/** The application's own; comes back in the entry. */
	note?: Json;
	/** A command of the same text here that waits or failed is dropped in favour of this one. */
	replaces?: string;
	/** `temp_id`: the body carries the id under this name, and the server knows it for ever. Default: `Idempotency-Key`. */
	once?: 'key' | 'temp_id';
}

export interface Row extends Command {
	/** Made once; the key under which the server knows the command. */
	id: string;
	/** Grows from command to command. */
	order: number;
	/** When it was given, in milliseconds. */
	at: number;
	state: 'pending' | 'sending' | 'failed';
	attempts: number;
	/** When it was first sent, in milliseconds; null before. */
	firstSentAt: number | null;
	/** When the attempt under way began, in milliseconds. */
	claimedAt: number | null;
	/** Not to be sent before, in milliseconds. */
	retryAt: number | null;
	/** What the last attempt met: no answer or an overloaded server, or a full disk. */
	met: 'server' | 'space' | null;
	/** The server's sentence, its code and its status, if it answered. */
	reason: string | null;
	code: string | null;
	status: number | null;
	/** Whether it may be tried again as it is. */
	retryable: boolean;
	/** Its author does not want it any more: no further attempt. */
	isCancelled: boolean;
	/** It was seen to have happened: no further attempt. */
	isConfirmed: boolean;
}

export interface OutboxLimits {
	/** Most commands that are kept. */
	count: number;
	/** Most bytes of all of them. */
	bytes: number;
	/** Most bytes of one. */
	size: number;
}

export const LIMITS: OutboxLimits = { count: 500, bytes: 5 << 20, size: 256 << 10 };

/** The command is not kept, because too much waits already. */
export class OutboxFull extends Error {
	override name = 'OutboxFull';
	constructor(readonly limit: keyof OutboxLimits) {
		super(
			limit === 'size'
				? 'This is too large to be sent.'
				: 'Too much waits to be sent. Wait for the connection, or delete what failed.',
		);
	}
}

/** The command is not kept, because this browser or disk does not keep it. */
export class OutboxUnavailable extends Error {
	override name = 'OutboxUnavailable';
	constructor(cause: unknown) {
		super('This could not be kept here, so it was not sent.', { cause });
	}
}

export function newRow(id: string, command: Command, order: number, at: number): Row {
	const { kind, resource, request, note = null, replaces, once = 'key' } = command;
	return {
		id,
		order,
		at,
		kind,
		resource,
		request,
		note,
		...(replaces === undefined ? {} : { replaces }),
		once,
		state: 'pending',
		attempts: 0,
		firstSentAt: null,
		claimedAt: null,
		retryAt: null,
		met: null,
		reason: null,
		code: null,
		status: null,
		retryable: true,
		isCancelled: false,
		isConfirmed: false,
	};
}

/** Bytes of a row, about. */
export function sizeOf(row: Row): number {
	return new TextEncoder().encode(JSON.stringify(row)).length;
}

/** Throws `OutboxFull` if the row does not fit beside the others. */
export function mustFit(row: Row, others: readonly Row[], limits: OutboxLimits): void {
	const size = sizeOf(row);
	if (size > limits.size) throw new OutboxFull('size');
	if (others.length >= limits.count) throw new OutboxFull('count');
	if (others.reduce((sum, other) => sum + sizeOf(other), size) > limits.bytes) throw new OutboxFull('bytes');
}

const METHODS: readonly unknown[] = ['POST', 'PUT', 'PATCH', 'DELETE'];
const STATES: readonly unknown[] = ['pending', 'sending', 'failed'];

/** Reads what a store holds; null for what is damaged, or not of this version. */
export function parseRow(stored: unknown): Row | null {
	if (!isRecord(stored) || !isRecord(stored.request)) return null;
	const { id, order, at, kind, resource, state, attempts, request, once } = stored;
	const texts = [id, kind, resource, request.path].every((text) => typeof text === 'string' && text !== '');
	const numbers = [order, at, attempts].every((number) => Number.isFinite(number));
	const known = STATES.includes(state) && METHODS.includes(request.method) && (once === 'key' || once === 'temp_id');
	const times = [stored.firstSentAt, stored.claimedAt, stored.retryAt].every(
		(time) => time === null || Number.isFinite(time),
	);
	if (!texts || !numbers || !known || !times || !String(request.path).startsWith('/')) return null;
	return stored as unknown as Row;
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null;
}
