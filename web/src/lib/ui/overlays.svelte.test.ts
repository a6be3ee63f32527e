import { render, screen, waitFor } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import Overlays from './Overlays.fixture.svelte';

/** Without layout the floating panel has no place and stays `visibility: hidden`. */
const PLACED_OUT_OF_SIGHT = { hidden: true };

test('a dialog takes the focus into its first field, keeps it, and gives it back', async () => {
	render(Overlays);
	const opener = screen.getByRole('button', { name: 'Open dialog' });
	await userEvent.click(opener);
	const dialog = await screen.findByRole('dialog', { name: 'New channel' });
	await waitFor(() => expect(document.activeElement).toBe(screen.getByLabelText('Name')));
	for (let presses = 0; presses < 8; presses++) {
		await userEvent.tab();
		expect(dialog.contains(document.activeElement)).toBe(true);
	}
	await userEvent.keyboard('{Escape}');
	await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
	await waitFor(() => expect(document.activeElement).toBe(opener));
});

test('a question about loss starts at Cancel, stays open while it runs, and says what went wrong', async () => {
	let fail: (reason: Error) => void = () => {};
	render(Overlays, { onconfirm: () => new Promise<void>((_, reject) => (fail = reject)) });
	await userEvent.click(screen.getByRole('button', { name: 'Ask' }));
	const dialog = await screen.findByRole('alertdialog', { name: 'Delete #launch?' });
	await waitFor(() => expect(document.activeElement?.textContent?.trim()).toBe('Cancel'));
	await userEvent.click(screen.getByRole('button', { name: 'Delete channel' }));
	await userEvent.keyboard('{Escape}');
	expect(dialog.isConnected).toBe(true);
	fail(new Error('The server did not answer. Try again.'));
	await screen.findByText(/The server did not answer/);
	expect(screen.getByRole('alert').textContent).toContain('Try again');
	await userEvent.keyboard('{Escape}');
	await waitFor(() => expect(screen.queryByRole('alertdialog')).toBeNull());
});

test('a menu is used by keyboard: arrows skip what is disabled, Enter acts, Esc gives the focus back', async () => {
	const onselect = vi.fn();
	render(Overlays, { onselect });
	const trigger = screen.getByRole('button', { name: 'More' });
	trigger.focus();
	await userEvent.keyboard('{Enter}');
	await screen.findByRole('menu', PLACED_OUT_OF_SIGHT);
	await waitFor(() => expect(document.activeElement?.textContent).toContain('Edit'));
	await userEvent.keyboard('{ArrowDown}');
	expect(document.activeElement?.textContent).toContain('Delete');
	await userEvent.keyboard('{Enter}');
	expect(onselect).toHaveBeenCalledWith('delete');
	await waitFor(() => expect(screen.queryByRole('menu', PLACED_OUT_OF_SIGHT)).toBeNull());
	await userEvent.keyboard('{Enter}');
	await screen.findByRole('menu', PLACED_OUT_OF_SIGHT);
	await userEvent.keyboard('{Escape}');
	await waitFor(() => expect(document.activeElement).toBe(trigger));
});

test('the palette moves with arrows, picks with Enter and starts anew', async () => {
	const onpick = vi.fn();
	render(Overlays, { onpick });
	await userEvent.click(screen.getByRole('button', { name: 'Jump' }));
	const field = await screen.findByRole('combobox', { name: 'Jump to' });
	await waitFor(() => expect(document.activeElement).toBe(field));
	await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowUp}');
	expect(screen.getByRole('option', { selected: true }).textContent).toContain('launch');
	await userEvent.keyboard('{Enter}');
	expect(onpick).toHaveBeenCalledWith('launch');
	await waitFor(() => expect(screen.queryByRole('combobox')).toBeNull());
});
