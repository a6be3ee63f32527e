/**
 * A signal that aborts with another one, or when time is up.
 *
 * Not `AbortSignal.any` over `AbortSignal.timeout`: Node forgets such a signal when it tidies up its memory, and then a
 * request that hangs does so for ever. The timer here holds on to it.
 */
export function within(ms: number, other: AbortSignal): { signal: AbortSignal; done: () => void } {
	const both = new AbortController();
	const late = () => end(new DOMException('The server did not answer in time.', 'TimeoutError'));
	const given = () => end(other.reason);
	const timer: unknown = setTimeout(late, ms);
	const done = () => {
		clearTimeout(timer as Parameters<typeof clearTimeout>[0]);
		other.removeEventListener('abort', given);
	};
	const end = (reason: unknown) => {
		done();
		both.abort(reason);
	};
	// In Node, a call that is over keeps no program from ending.
	if (typeof timer === 'object') (timer as { unref?: () => void }).unref?.();
	if (other.aborted) given();
	else other.addEventListener('abort', given);
	return { signal: both.signal, done };
}
