import { render, screen, waitFor } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, expect, test, vi } from 'vitest';
import { dismissAllNotices, dismissNotice, notifyError, notifyPerson } from './notify';
import Toaster from './Toaster.svelte';

afterEach(() => dismissAllNotices());

const fromGrace = (id: string, text: string, onopen = () => {}) =>
	notifyPerson({ id, name: 'Grace Hopper', personId: 'u-1', where: '#design', text, onopen });

test('says who, where and what, in a polite live region, and opens on a click', async () => {
	const onopen = vi.fn();
	render(Toaster);
	fromGrace('message-1', 'Can you look?', onopen);
	const toast = await screen.findByRole('button', { name: /Grace Hopper\s*#design\s*Can you look\?/ });
	expect(toast.closest('[aria-live]')?.getAttribute('aria-live')).toBe('polite');
	await userEvent.click(toast);
	expect(onopen).toHaveBeenCalledOnce();
	await waitFor(() => expect(screen.queryByText('Can you look?')).toBeNull());
});

test('a second notice with the same id replaces the first', async () => {
	render(Toaster);
	fromGrace('channel-1', 'First');
	await screen.findByText('First');
	fromGrace('channel-1', 'Second');
	await screen.findByText('Second');
	expect(screen.queryByText('First')).toBeNull();
});

test('goes when its message was read elsewhere, and all go at sign-out', async () => {
	render(Toaster);
	fromGrace('a', 'One');
	fromGrace('b', 'Two');
	await screen.findByText('Two');
	dismissNotice('a');
	await waitFor(() => expect(screen.queryByText('One')).toBeNull());
	expect(screen.getByText('Two')).toBeTruthy();
	dismissAllNotices();
	await waitFor(() => expect(screen.queryByText('Two')).toBeNull());
});

test('a failure says what is safe and offers a way on', async () => {
	const onopen = vi.fn();
	render(Toaster);
	notifyError('The message was not sent.', { text: 'It is kept in the composer.', action: 'Retry', onopen });
	await screen.findByText('It is kept in the composer.');
	await userEvent.click(screen.getByRole('button', { name: 'Retry' }));
	expect(onopen).toHaveBeenCalledOnce();
});
