/**
 * The golden rule: what is on screen after coming back equals what a fresh load shows, however one was away and whatever
 * happened meanwhile.
 */
import { cp, rm } from 'node:fs/promises';
import { gone, row, seen, sidebar, signIn, unreadRow } from './harness/app.mjs';
import { journey } from './harness/journey.mjs';
import { World } from './harness/meanwhile.mjs';
import { Wire } from './harness/wire.mjs';
import { showTheSame } from './harness/screen.mjs';

const ADA = { name: 'Ada', email: 'ada@example.com' };
const AWAY = /Reconnecting|Connecting|This device is offline/;
const bar = (page) => page.getByRole('status').filter({ hasText: AWAY });

/** Every page whose content others can change: the row that leads there, and what to open on it. */
const PLACES = [
	['ideas'],
	['plans', (page) => page.getByRole('button', { name: /^Members/ }).click()],
	['Bob'],
	['Talk'],
	['Review'],
	['launch'],
];

/** Walks through every place in the tab that was away, and loads each anew in the other. */
async function compareEverything(away, fresh, what) {
	await fresh.goto(new URL(away.url()).pathname);
	await seen(sidebar(fresh));
	await showTheSame(away, fresh, `${what}: the open page`);
	for (const [label, then] of PLACES) {
		const path = await row(away, label).getAttribute('href');
		await row(away, label).click();
		await away.waitForURL(`**${path}`);
		await fresh.goto(path);
		if (then) await Promise.all([away, fresh].map(then));
		await showTheSame(away, fresh, `${what}: ${label}`);
	}
}

/** The ways of being away. Each answers how to come back. */
const ways = {
	'the device goes offline': async ({ page }) => {
		await page.context().setOffline(true);
		return () => page.context().setOffline(false);
	},
	'the wire is cut': async ({ wire }) => {
		wire.sever();
		return () => wire.mend();
	},
	'the laptop sleeps': async ({ wire, page }) => {
		const chrome = await page.context().newCDPSession(page);
		await chrome.send('Page.setWebLifecycleState', { state: 'frozen' });
		wire.hang();
		return async () => {
			wire.mend();
			await chrome.send('Page.setWebLifecycleState', { state: 'active' });
		};
	},
	'the server is killed after what was missed': async ({ wire, server }) => {
		wire.sever();
		return async () => {
			await server.kill();
			await server.start();
			wire.mend();
		};
	},
};

function goldenRule(name, wayNames, serverOptions) {
	journey(
		name,
		async ({ server, arrive, step }) => {
			const world = await World.of(server);
			const wire = await Wire.to(server.url);
			const near = await arrive('Ada', { baseURL: wire.url });
			const far = await arrive('Ada afresh');
			let page, fresh;
			let round = 0;

			await step('Ada is there twice: in a tab that will be away, and in one that is always new', async () => {
				page = await near.open('/');
				await signIn(page, ADA);
				await row(page, 'launch').click();
				fresh = await far.open('/');
				await signIn(fresh, ADA);
				await compareEverything(page, fresh, 'at first');
			});

			for (const way of wayNames) {
				await step(`${way}, and everything is as in a fresh tab`, async () => {
					round += 1;
					await fresh.goto('about:blank');
					await world.before(round);
					await seen(row(page, `leaving-${round}`));
					const comeBack = await ways[way]({ page, wire, server });
					await world.meanwhile(round);
					await comeBack();
					await seen(row(page, `extra-${round}`));
					await gone(bar(page));
					await compareEverything(page, fresh, way);
				});
			}
			await wire.close();
		},
		serverOptions,
	);
}

goldenRule('After coming back a tab shows what a fresh one shows', Object.keys(ways));
goldenRule('The same where only polling works', ['the wire is cut', 'the server is killed after what was missed'], {
	environment: { ENABLE_WEBSOCKET_SUPPORT: 'false' },
});

journey('After a restored backup a tab shows what a fresh one shows', async ({ server, arrive, step }) => {
	const world = await World.of(server);
	const near = await arrive('Ada');
	const far = await arrive('Ada afresh');
	const backup = `${server.dataDir}-backup`;
	let page, fresh;

	await step('Ada sees what happened after the backup', async () => {
		await world.before(1);
		page = await near.open('/');
		await signIn(page, ADA);
		fresh = await far.open('/');
		await signIn(fresh, ADA);
		await fresh.goto('about:blank');
		await row(page, 'launch').click();
		await seen(page.getByRole('heading', { name: 'launch' }));
		await server.stop();
		await cp(server.dataDir, backup, { recursive: true });
		await server.start();
		await world.meanwhile(1);
		await seen(row(page, 'extra-1'));
		await seen(unreadRow(page, 'plans', 1));
	});

	await step('the database is that of before, and so is the screen', async () => {
		await server.kill();
		await rm(server.dataDir, { recursive: true });
		await cp(backup, server.dataDir, { recursive: true });
		await server.start();
		await gone(bar(page));
		await gone(row(page, 'extra-1'));
		await compareEverything(page, fresh, 'restored');
	});
	await rm(backup, { recursive: true, force: true });
});
