/* Like msg_batch.c: budget.h bounds what the protobuf library allocates, and every value
 * is checked here, because names and zones end in the database and on terminals. */
#include "proto/msg_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/process_name.h"
#include "proto/budget.h"
#include "proto/lars.pb-c.h"

struct packed {                       /* what the message's lists point to */
    Lars__ModuleInForce module[MSG_STATE_MODULES];
    Lars__ModuleInForce *module_at[MSG_STATE_MODULES];
    Lars__NodeSeen node[MSG_STATE_NODES];
    Lars__NodeSeen *node_at[MSG_STATE_NODES];
};

static void fill_module(Lars__ModuleInForce *to, const struct msg_state_module *m)
{
    lars__module_in_force__init(to);
    to->modid = (int32_t)m->mod.modid;
    to->cmdid = (int32_t)m->mod.cmdid;
    to->version = m->version;
    to->sum = m->sum;
    to->policy = m->policy;
}

static void fill_node(Lars__NodeSeen *to, const struct msg_state_node *n)
{
    lars__node_seen__init(to);
    to->modid = (int32_t)n->mod.modid;
    to->cmdid = (int32_t)n->mod.cmdid;
    to->ip = (int32_t)n->ip;
    to->port = (int32_t)n->port;
    to->state = n->state;
}

static void fill_lists(Lars__AgentState *m, struct packed *p, const struct msg_state *s)
{
    size_t i;

    for (i = 0; i < s->n_module; i++) {
        fill_module(&p->module[i], &s->module[i]);
        p->module_at[i] = &p->module[i];
    }
    for (i = 0; i < s->n_node; i++) {
        fill_node(&p->node[i], &s->node[i]);
        p->node_at[i] = &p->node[i];
    }
    m->n_module = s->n_module;
    m->module = p->module_at;
    m->n_node = s->n_node;
    m->node = p->node_at;
}

ssize_t msg_state_pack(const struct msg_state *s, void *body, size_t room)
{
    Lars__AgentState m = LARS__AGENT_STATE__INIT;
    struct packed *p;
    ssize_t len = -ENOBUFS;

    if (s->n_module > MSG_STATE_MODULES || s->n_node > MSG_STATE_NODES)
        return -E2BIG;
    p = malloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    m.name = (char *)(uintptr_t)s->name;
    m.zone = (char *)(uintptr_t)s->zone;
    m.program = (char *)(uintptr_t)s->program;
    m.caller = (int32_t)s->caller;
    m.stream = (ProtobufCBinaryData){MSG_STREAM, (uint8_t *)(uintptr_t)s->stream};
    m.seq = s->seq;
    if (s->has_report)
        m.report_stream =
            (ProtobufCBinaryData){MSG_STREAM, (uint8_t *)(uintptr_t)s->report};
    fill_lists(&m, p, s);
    if (lars__agent_state__get_packed_size(&m) <= room)
        len = (ssize_t)lars__agent_state__pack(&m, body);
    free(p);
    return len;
}

static int take_text(char *to, size_t size, const char *from)
{
    size_t i;

    for (i = 0; from[i]; i++)
        if (i + 1 == size || (unsigned char)from[i] < ' ' || from[i] == 0x7f)
            return -EINVAL;
    memcpy(to, from, i + 1);
    return 0;
}

static int take_modules(struct msg_state *out, const Lars__AgentState *m)
{
    size_t i;

    for (i = 0; i < m->n_module; i++) {
        const Lars__ModuleInForce *f = m->module[i];

        if (f->modid == 0 && f->cmdid == 0)
            return -EINVAL;
        out->module[i] = (struct msg_state_module){
            {(uint32_t)f->modid, (uint32_t)f->cmdid}, f->version, f->sum, f->policy};
    }
    out->n_module = m->n_module;
    return 0;
}

static int take_nodes(struct msg_state *out, const Lars__AgentState *m)
{
    size_t i;

    for (i = 0; i < m->n_node; i++) {
        const Lars__NodeSeen *f = m->node[i];

        if ((f->modid == 0 && f->cmdid == 0) || f->port < 1 || f->port > UINT16_MAX ||
            f->state < MSG_NODE_DOWN || f->state > MSG_NODE_TRIAL)
            return -EINVAL;
        out->node[i] = (struct msg_state_node){{(uint32_t)f->modid, (uint32_t)f->cmdid},
                                               (uint32_t)f->ip,
                                               (uint32_t)f->port,
                                               f->state};
    }
    out->n_node = m->n_node;
    return 0;
}

static int take_report(struct msg_state *out, const Lars__AgentState *m)
{
    out->has_report = m->report_stream.len > 0;
    memset(out->report, 0, MSG_STREAM);
    if (m->report_stream.len == MSG_STREAM)
        memcpy(out->report, m->report_stream.data, MSG_STREAM);
    else if (out->has_report)
        return -EINVAL;
    return 0;
}

static int convert_state(struct msg_state *out, const Lars__AgentState *m)
{
    int rc;

    if (m->n_module > MSG_STATE_MODULES || m->n_node > MSG_STATE_NODES)
        return -E2BIG;
    if (m->stream.len != MSG_STREAM || m->seq == 0 || !process_name_is_valid(m->name) ||
        !process_name_is_valid(m->program))
        return -EINVAL;
    memcpy(out->stream, m->stream.data, MSG_STREAM);
    out->seq = m->seq;
    out->caller = (uint32_t)m->caller;
    rc = take_report(out, m);
    if (rc == 0)
        rc = take_text(out->name, sizeof(out->name), m->name);
    if (rc == 0)
        rc = take_text(out->program, sizeof(out->program), m->program);
    if (rc == 0)
        rc = take_text(out->zone, sizeof(out->zone), m->zone);
    if (rc == 0)
        rc = take_modules(out, m);
    return rc < 0 ? rc : take_nodes(out, m);
}

int msg_state_unpack(struct msg_state *out, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__AgentState *m = lars__agent_state__unpack(&a, len, body);
    int rc;

    if (!m)
        return -EBADMSG;
    rc = convert_state(out, m);
    lars__agent_state__free_unpacked(m, &a);
    return rc;
}
