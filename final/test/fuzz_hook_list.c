/* fuzz_hook_list -- any text as the output of `HOOK list`: in what is believed each node
 * that is not starting has an address of its own, and the counts add up. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scale/hook_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hook_list *l)
{
    unsigned n_in[HOOK_NODE_STOPPING + 1] = {0};
    size_t i;

    if (l->n > HOOK_NODES_MAX)
        abort();
    for (i = 0; i < l->n; i++) {
        const struct hook_node *n = &l->at[i];

        if ((unsigned)n->state > HOOK_NODE_STOPPING || n->port > UINT16_MAX)
            abort();
        if ((n->ip == 0) != (n->port == 0))
            abort();
        if (n->port == 0 && n->state != HOOK_NODE_STARTING)
            abort();
        if (n->port != 0 && hook_list_find(l, n->ip, n->port) != n)
            abort();
        n_in[n->state]++;
    }
    if (memcmp(n_in, l->n_in, sizeof(n_in)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[HOOK_LIST_WHY] = "", *text = malloc(size + 1);
    struct hook_list l;

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (hook_list_parse(text, &l, why) == 0)
        check(&l);
    else if (why[0] == '\0' || !memchr(why, '\0', sizeof(why)))
        abort();
    free(text);
    return 0;
}
