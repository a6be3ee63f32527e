import { expect, it } from 'vitest';
import { asOf, earliest } from './as-of.ts';

it('reads every room with the position of its last event', () => {
	expect(asOf('channel:X=44:1763900000000, user:Y=7:9')).toEqual({
		'channel:X': [44, 1763900000000],
		'user:Y': [7, 9],
	});
	expect(asOf(null)).toEqual({});
	expect(asOf('nonsense, a=1, everyone=3:0')).toEqual({ everyone: [3, 0] });
});

it('is as old as the oldest of several calls', () => {
	expect(earliest({ a: [5, 50], b: [2, 20] }, { a: [7, 70] })).toEqual({ a: [5, 50] });
	expect(earliest({ a: [7, 70] }, { a: [5, 50] })).toEqual({ a: [5, 50] });
	expect(earliest()).toEqual({});
});
