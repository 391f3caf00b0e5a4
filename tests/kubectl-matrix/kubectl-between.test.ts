import { matrixBetween } from './matrix.ts';

matrixBetween();
