/** Times and days as people read them, through `Intl`. */

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayAndYear = new Intl.DateTimeFormat(undefined, {
	weekday: 'long',
	day: 'numeric',
	month: 'long',
	year: 'numeric',
});
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

const DAY_MS = 86_400_000;

/** "14:02". */
export function clockTime(ms: number): string {
	return clock.format(ms);
}

/** "14:02" or "2:02" without the half of the day: for where the block's head has said it. */
export function gutterTime(ms: number): string {
	const parts = clock.formatToParts(ms);
	return parts
		.filter(({ type }) => type === 'hour' || type === 'minute' || type === 'literal')
		.map(({ value }) => value)
		.join('')
		.trim();
}

/** "Monday, 23 November 2026 at 14:02". */
export function fullTime(ms: number): string {
	return full.format(ms);
}

/** "23 Nov 2026". */
export function shortDate(ms: number): string {
	return date.format(ms);
}

/** "Today", "Yesterday", "Monday, 23 November", and with the year once it is another one. */
export function dayLabel(ms: number, nowMs: number): string {
	const days = Math.round((midnight(ms) - midnight(nowMs)) / DAY_MS);
	if (days === 0 || days === -1) {
		const word = relative.format(days, 'day');
		return word.charAt(0).toLocaleUpperCase() + word.slice(1);
	}
	return new Date(ms).getFullYear() === new Date(nowMs).getFullYear() ? day.format(ms) : dayAndYear.format(ms);
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
	['day', DAY_MS],
	['hour', 3_600_000],
	['minute', 60_000],
];
const brief = new Intl.RelativeTimeFormat(undefined, { style: 'short', numeric: 'always' });

/** "5 min ago", "2 hr ago", and a date once it is more than a week. */
export function ago(ms: number, nowMs: number): string {
	const past = nowMs - ms;
	if (past >= 7 * DAY_MS) return shortDate(ms);
	const [unit, size] = steps.find(([, size]) => past >= size) ?? [null, 1];
	return unit === null ? 'just now' : brief.format(-Math.floor(past / size), unit);
}

function midnight(ms: number): number {
	return new Date(ms).setHours(0, 0, 0, 0);
}
