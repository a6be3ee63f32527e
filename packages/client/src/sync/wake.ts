/**
 * Notices that this computer slept, or that the page is looked at again after a while: moments at which a connection
 * that looks alive may be dead, and a wait that was right before is too long.
 */
import type { Clock } from '../clock.ts';

/** How often the clock is looked at, and how much later than that it must be to have slept, in milliseconds. */
const LOOK_EVERY_MS = 5_000;
const SLEPT_MS = 10_000;
/** How long a page must have been hidden for its return to count, in milliseconds. */
const HIDDEN_MS = 15_000;

/** Whether a wait that was to take `wanted` took so long that the computer slept. */
export function hasSlept(wanted: number, took: number): boolean {
	return took - wanted >= SLEPT_MS || took < 0;
}

export interface WakeHost {
	wake(): void;
	network(isThere: boolean): void;
}

/** Watches until the answer is called. Outside a browser only the clock is watched. */
export function watchWake(clock: Clock, host: WakeHost): () => void {
	let looked = clock.now();
	let cancel = () => {};
	const look = () => {
		const now = clock.now();
		// The timers of a hidden page are late by themselves; it is asked about when it is seen again.
		if (hasSlept(LOOK_EVERY_MS, now - looked) && !isHidden()) host.wake();
		looked = now;
		cancel = clock.after(LOOK_EVERY_MS, look);
	};
	cancel = clock.after(LOOK_EVERY_MS, look);
	const unwatch = watchPage(clock, host);
	return () => {
		cancel();
		unwatch();
	};
}

function isHidden(): boolean {
	return typeof document !== 'undefined' && document.visibilityState === 'hidden';
}

function watchPage(clock: Clock, host: WakeHost): () => void {
	if (typeof window === 'undefined' || typeof document === 'undefined') return () => {};
	let hiddenAt: number | null = document.visibilityState === 'hidden' ? clock.now() : null;
	const seen = () => {
		if (document.visibilityState === 'hidden') {
			hiddenAt ??= clock.now();
			return;
		}
		const wasAway = hiddenAt !== null && clock.now() - hiddenAt >= HIDDEN_MS;
		hiddenAt = null;
		if (wasAway) host.wake();
	};
	const shown = (event: PageTransitionEvent) => event.persisted && host.wake();
	const thawed = () => host.wake();
	const online = () => host.network(true);
	const offline = () => host.network(false);
	document.addEventListener('visibilitychange', seen);
	document.addEventListener('resume', thawed);
	window.addEventListener('pageshow', shown);
	window.addEventListener('online', online);
	window.addEventListener('offline', offline);
	if (typeof navigator !== 'undefined' && navigator.onLine === false) host.network(false);
	return () => {
		document.removeEventListener('visibilitychange', seen);
		document.removeEventListener('resume', thawed);
		window.removeEventListener('pageshow', shown);
		window.removeEventListener('online', online);
		window.removeEventListener('offline', offline);
	};
}
