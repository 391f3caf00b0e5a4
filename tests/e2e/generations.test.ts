/** Bases of every release and both generations of topics at once, at the embedded broker. */
import { startWorld } from '../support/world.ts';
import { describeGenerations } from './generations.ts';

describeGenerations(() => startWorld({ bases: 0 }));
