#include <stdio.h>

int main(void)
{
    puts("a pebble built on " __DATE__);
    return 0;
}
