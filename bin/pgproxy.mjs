#!/usr/bin/env node
// Starts the app from its bundle, building it first when a source has changed.
import { ensureBuilt } from './build.mjs';

await import(await ensureBuilt('pgproxy'));
