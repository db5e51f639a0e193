/* Has callgrind collect what runs between two calls from Python, and nothing else. */
#include <valgrind/callgrind.h>

void start(void)
{
    CALLGRIND_START_INSTRUMENTATION;
}

void toggle(void)
{
    CALLGRIND_TOGGLE_COLLECT;
}

void dump(void)
{
    CALLGRIND_DUMP_STATS;
}
