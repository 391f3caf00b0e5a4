import { matrix } from './matrix.ts';

matrix('1.35');
