/** The chapters in the order of their length, longest first, so that lanes end together. */
import type { Chapter } from '../chapter.ts';
import { applying } from './applying.ts';
import { asking } from './asking.ts';
import { changing } from './changing.ts';
import { containers } from './containers.ts';
import { creating } from './creating.ts';
import { deleting } from './deleting.ts';
import { describing } from './describing.ts';
import { nodes } from './nodes.ts';
import { reading } from './reading.ts';
import { refusals } from './refusals.ts';
import { rollingDaemons, rollingOut, rollingStateful } from './rolling-out.ts';
import { settings } from './settings.ts';

export const chapters: readonly Chapter[] = [
  rollingOut,
  rollingStateful,
  rollingDaemons,
  nodes,
  deleting,
  describing,
  reading,
  changing,
  creating,
  applying,
  asking,
  containers,
  refusals,
  settings,
];
