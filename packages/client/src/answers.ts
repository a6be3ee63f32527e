/**
 * From what `openapi-fetch` answers to plain values, snapshots and thrown errors.
 */
import { AS_OF, asOf, type Snapshot } from './as-of.ts';
import { ApiError, Unreachable, apiError } from './errors.ts';

export interface Outcome<T> {
	data?: T;
	error?: unknown;
	response: Response;
}

export async function unwrap<T>(call: Promise<Outcome<T>>): Promise<T> {
	return (await answered(call)).data as T;
}

/** The same with the positions that the answer holds. */
export async function snapshot<T>(call: Promise<Outcome<T>>): Promise<Snapshot<T>> {
	const { data, response } = await answered(call);
	return { body: data as T, heads: asOf(response.headers.get(AS_OF)) };
}

async function answered<T>(call: Promise<Outcome<T>>): Promise<Outcome<T>> {
	let outcome: Outcome<T>;
	try {
		outcome = await call;
	} catch (cause) {
		if (cause instanceof ApiError) throw cause;
		throw new Unreachable(cause);
	}
	const { error, response } = outcome;
	if (!response.ok) throw apiError(response.status, error, response.headers.get('retry-after'));
	return outcome;
}

/** The document says no more than "an object" of what is passed through; here it has its type. */
export function as<T>(call: Promise<Outcome<unknown>>): Promise<Outcome<T>> {
	return call as Promise<Outcome<T>>;
}
