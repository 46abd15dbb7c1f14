// One file, so that the tests run one after the other: they watch one gateway's counters.

import './calls.js';
import './refusals.js';
import './messages.js';
import './gemini.js';
import './frameworks.js';
import './translated.js';
