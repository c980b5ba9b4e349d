/* Each table begins on a cache line.  All tables have a length that follows from the two
 * sizes of the segment, so a file whose head does not have exactly these lengths is
 * refused before anything of that size is mapped. */
#include "shmem/segment_tables.h"

static size_t to_line(size_t n)
{
    return (n + LAYOUT_LINE - 1) / LAYOUT_LINE * LAYOUT_LINE;
}

size_t segment_tables_counters_size(uint32_t max_nodes)
{
    return sizeof(struct layout_counters) + max_nodes * sizeof(struct node_counter);
}

size_t segment_tables_place(struct segment *s)
{
    char *base = (char *)s->routes;
    size_t at = sizeof(struct layout_routes);

    s->index = (struct layout_index *)(void *)(base + at);
    at += to_line(s->n_index * sizeof(*s->index));
    s->module = (struct layout_module *)(void *)(base + at);
    at += s->max_modules * sizeof(*s->module);
    s->cost = (_Atomic uint32_t *)(void *)(base + at);
    at += to_line(s->max_nodes * sizeof(*s->cost));
    s->gen = (_Atomic uint32_t *)(void *)(base + at);
    at += to_line(s->max_nodes * sizeof(*s->gen));
    s->addr = (struct layout_addr *)(void *)(base + at);
    at += to_line(s->max_nodes * sizeof(*s->addr));
    s->addr6 = (struct layout_addr6 *)(void *)(base + at);
    at += to_line(s->max_nodes * sizeof(*s->addr6));
    s->block = base + at;
    return at + (size_t)s->n_block * LAYOUT_BLOCK;
}

/* Blocks for two copies of every node, and as many again for what the lengths of runs and
 * fragmentation may cost. */
static uint32_t blocks_for(uint32_t max_nodes, uint32_t max_modules)
{
    return 2 * max_nodes + 16 * max_modules;
}

void segment_tables_set_sizes(struct segment *s, uint32_t max_nodes, uint32_t max_modules)
{
    s->max_nodes = max_nodes;
    s->max_modules = max_modules;
    s->n_index = 2 * max_modules;
    s->n_block = blocks_for(max_nodes, max_modules);
}

bool segment_tables_is_size(uint32_t n, uint32_t max)
{
    return n >= 64 && n <= max && (n & (n - 1)) == 0;
}

bool segment_tables_fit(const struct layout_routes *head)
{
    uint64_t unit = head->major == LAYOUT_OLD_MAJOR ? LAYOUT_OLD_BLOCK : LAYOUT_BLOCK;

    return segment_tables_is_size(head->max_nodes, SEGMENT_MAX_NODES) &&
           segment_tables_is_size(head->max_modules, SEGMENT_MAX_MODULES) &&
           head->n_index == 2 * head->max_modules &&
           head->n_block * unit ==
               (uint64_t)blocks_for(head->max_nodes, head->max_modules) * LAYOUT_BLOCK;
}
