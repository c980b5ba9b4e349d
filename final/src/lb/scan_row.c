/* Each lane of a vector has one node.  AVX2 multiplies and compares integers of 64 bits,
 * so the scores are those of the reference, bit by bit.
 *
 * The counters of four nodes are two vectors; taking a half of both gives the nodes in
 * the order 0, 2, 1, 3, and everything else is brought into that order.
 *
 * Which of equal nodes wins depends on the order in which the members are looked at: from
 * <start> on.  A node's place in that order stands in the last bits of its key, below its
 * score, so the lowest key is that of the first of the best ones, and the nodes can be
 * read from the first one on.
 *
 * Rejected: SSE2, which every processor of this kind has.  Without a comparison of 64
 * bits it needs more than twice the instructions.  Rejected: one pass for the nodes from
 * <start> on and one for those before it, each lane with its best node: 294 instructions
 * for 8 nodes instead of 171, 940 for 64 nodes instead of 717 (docs/decisions/061). */
#include "lb/scan_row.h"

#if SCAN_ROW
#include <immintrin.h>

#define LANES 4                       /* nodes at a time */
#define PLACE_BITS 12
#define AVX2 __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) AVX2
#define SAME(n) _mm256_set1_epi64x((long long)(n))
#define ORDER _mm256_set_epi64x(3, 1, 2, 0)
#define SIGN SAME(1ull << 63)         /* is changed to compare numbers without a sign */

_Static_assert(SCAN_ROW_MOST <= 1 << PLACE_BITS, "the place of each node has room");

struct row {
    const struct node_counter *counter; /* of the first node */
    const _Atomic uint32_t *cost;
    uint64_t over_ms;
    __m256i n, start;                 /* nodes; which is the first in the order */
};

struct lanes {
    __m256i key;                      /* the lowest until now, its sign changed */
    __m256i n_skipped;
};

/* a >= limit, for numbers from 0 to INT64_MAX. */
INLINE __m256i at_least(__m256i a, uint64_t limit)
{
    return _mm256_cmpgt_epi64(a, SAME(limit - 1));
}

/* a > b, for numbers without a sign. */
INLINE __m256i is_above(__m256i a, uint64_t b)
{
    return _mm256_cmpgt_epi64(_mm256_xor_si256(a, SIGN), SAME(b ^ 1ull << 63));
}

/* Nodes <i> .. i + 3.  <counts>: the lanes whose nodes were not looked at before. */
INLINE void look_at(const struct row *r, uint32_t i, __m256i counts, struct lanes *l)
{
    const __m256i *c = (const void *)&r->counter[i];
    __m256i c01 = _mm256_loadu_si256(c), c23 = _mm256_loadu_si256(c + 1);
    __m256i busy = _mm256_unpacklo_epi64(c01, c23); /* inflight, streak */
    __m256i until = _mm256_unpackhi_epi64(c01, c23);
    __m256i cost = _mm256_permute4x64_epi64(
        _mm256_cvtepu32_epi64(_mm_loadu_si128((const void *)&r->cost[i])),
        _MM_SHUFFLE(3, 1, 2, 0));
    __m256i at = _mm256_add_epi64(SAME(i), ORDER);
    __m256i wrap = _mm256_and_si256(_mm256_cmpgt_epi64(r->start, at), r->n);
    __m256i place = _mm256_add_epi64(_mm256_sub_epi64(at, r->start), wrap);
    __m256i ejected = is_above(until, r->over_ms);
    __m256i out = _mm256_or_si256(at_least(cost, NODE_OUT), ejected);
    __m256i skipped = _mm256_or_si256(at_least(cost, NODE_WARMING), ejected);
    __m256i key;

    busy = _mm256_and_si256(_mm256_max_epi32(busy, _mm256_setzero_si256()),
                            SAME(SCAN_INFLIGHT_MASK));
    key = _mm256_mul_epu32(cost, _mm256_add_epi64(busy, SAME(1)));
    key = _mm256_or_si256(_mm256_slli_epi64(key, PLACE_BITS), place);
    key = _mm256_blendv_epi8(_mm256_xor_si256(key, SIGN), SAME(INT64_MAX), out);
    l->key = _mm256_blendv_epi8(l->key, key, _mm256_cmpgt_epi64(l->key, key));
    l->n_skipped =
        _mm256_sub_epi64(l->n_skipped, _mm256_and_si256(skipped, counts));
}

/* The lowest of four numbers with a sign. */
INLINE int64_t lowest(__m256i a)
{
    __m256i b = _mm256_permute4x64_epi64(a, _MM_SHUFFLE(1, 0, 3, 2));
    int64_t x, y;

    a = _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b));
    x = _mm256_extract_epi64(a, 0);
    y = _mm256_extract_epi64(a, 1);
    return x < y ? x : y;
}

INLINE uint32_t sum(__m256i a)
{
    __m128i b = _mm_add_epi64(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));

    return (uint32_t)(_mm_extract_epi64(b, 0) + _mm_extract_epi64(b, 1));
}

AVX2 struct scan_best scan_row_best(const struct pick_view *v, uint32_t from, uint32_t to,
                                    uint32_t start, uint64_t over_ms)
{
    uint32_t nid = v->member[0].nid + from, n = to - from, i;
    struct row r = {&v->counter[nid], &v->cost[nid], over_ms, SAME(n),
                    SAME(start - from)};
    struct lanes l = {SAME(INT64_MAX), SAME(0)};
    uint64_t key, place;

    for (i = 0; i + LANES <= n; i += LANES)
        look_at(&r, i, SAME(-1), &l);
    if (i < n) /* the last ones, with nodes before them that were looked at */
        look_at(&r, n - LANES,
                _mm256_cmpgt_epi64(ORDER, SAME((int)(LANES - 1 - (n - i)))), &l);
    key = (uint64_t)lowest(l.key) ^ 1ull << 63;
    if (key == UINT64_MAX)
        return (struct scan_best){UINT64_MAX, v->n, sum(l.n_skipped)};
    place = (key & ((1u << PLACE_BITS) - 1)) + (start - from);
    return (struct scan_best){key >> PLACE_BITS,
                              from + (uint32_t)(place < n ? place : place - n),
                              sum(l.n_skipped)};
}

bool scan_row_is_possible(void)
{
    return __builtin_cpu_supports("avx2");
}
#else
struct scan_best scan_row_best(const struct pick_view *v, uint32_t from, uint32_t to,
                          uint32_t start, uint64_t over_ms)
{
    (void)from;
    (void)to;
    (void)start;
    (void)over_ms;
    return (struct scan_best){UINT64_MAX, v->n, 0};
}

bool scan_row_is_possible(void)
{
    return false;
}
#endif
