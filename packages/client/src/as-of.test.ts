import { expect, it } from 'vitest';
import { asOf } from './as-of.ts';

it('reads a position for each room', () => {
	expect(asOf('channel:X=44:1763900000000, user:Y=7:1763900000000')).toEqual({ 'channel:X': 44, 'user:Y': 7 });
});

it('leaves out what it does not understand, and all of it without a header', () => {
	expect(asOf('user:Y=7:1, user:Z=many, nothing')).toEqual({ 'user:Y': 7 });
	expect(asOf(null)).toEqual({});
});
