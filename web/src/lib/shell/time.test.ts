import { describe, expect, it } from 'vitest';
import { ago, dayLabel } from './time';

const at = (year: number, month: number, day: number, hour = 12) => new Date(year, month - 1, day, hour).getTime();

describe('dayLabel', () => {
	const now = at(2026, 11, 24, 1);

	it('names today and yesterday by the calendar, not by hours', () => {
		expect(dayLabel(at(2026, 11, 24, 23), now)).toBe('Today');
		expect(dayLabel(at(2026, 11, 23, 23), now)).toBe('Yesterday');
	});

	it('names other days, with the year once it is another', () => {
		expect(dayLabel(at(2026, 11, 16), now)).toContain('16');
		expect(dayLabel(at(2026, 11, 16), now)).not.toContain('2026');
		expect(dayLabel(at(2025, 11, 16), now)).toContain('2025');
	});
});

describe('ago', () => {
	const now = at(2026, 11, 24);

	it('counts whole minutes, hours and days', () => {
		expect(ago(now - 30_000, now)).toBe('just now');
		expect(ago(now - 119_000, now)).toMatch(/^1 /);
		expect(ago(now - 5 * 3_600_000, now)).toMatch(/^5 /);
		expect(ago(now - 3 * 86_400_000, now)).toMatch(/^3 /);
	});

	it('says the date of what is older than a week', () => {
		expect(ago(at(2026, 11, 3), now)).toContain('2026');
	});
});
