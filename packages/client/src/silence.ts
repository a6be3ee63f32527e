/**
 * Notices calls that get no answer: what they are made over may be dead, and so may be the live connection beside it.
 */
import type { Clock } from './clock.ts';

type Fetch = typeof globalThis.fetch;

/** How long a call may take before somebody wonders, in milliseconds: longer than a busy server takes for most. */
const SLOW_MS = 5_000;

/** The same `fetch`, which says when no answer has come for a while, or none will. Not if the caller gave up. */
export function attentive(call: Fetch | undefined, clock: Clock, onSilence: () => void): Fetch {
	return async (input, init) => {
		const cancel = clock.after(SLOW_MS, onSilence);
		try {
			return await (call ?? globalThis.fetch)(input, init);
		} catch (error) {
			if (!isGivenUp(init?.signal)) onSilence();
			throw error;
		} finally {
			cancel();
		}
	};
}

/** Whether somebody ended the call who did not want it any more; time that is up is something else. */
function isGivenUp(signal: AbortSignal | null | undefined): boolean {
	if (!signal?.aborted) return false;
	return !(signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError');
}
