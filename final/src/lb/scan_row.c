/* Each lane of a vector has one node.  AVX2 multiplies and compares integers of 64 bits,
 * so the scores are those of the reference, bit by bit.
 *
 * The counters of four nodes are two vectors; taking a half of both gives the nodes in
 * the order 0, 2, 1, 3, and everything else is brought into that order.
 *
 * Which of equal nodes wins depends on the order in which the members are looked at.
 * Each lane keeps its first best one; at the end the first one of the equal lanes wins.
 *
 * Rejected: SSE2, which every processor of this kind has.  Without a comparison of 64
 * bits it needs more than twice the instructions (docs/decisions/061). */
#include "lb/scan_row.h"

#if SCAN_ROW
#include <immintrin.h>

#define LANES 4                       /* nodes at a time */
#define AVX2 __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) AVX2
#define SAME(n) _mm256_set1_epi64x((long long)(n))

struct lanes {
    __m256i score;                    /* the lowest until now; INT64_MAX = none */
    __m256i at;                       /* the member that has it */
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
    __m256i sign = SAME(1ull << 63);

    return _mm256_cmpgt_epi64(_mm256_xor_si256(a, sign), SAME(b ^ 1ull << 63));
}

/* Members <i> .. i + 3, of which <first> .. end - 1 count. */
INLINE void look_at(const struct pick_view *v, uint32_t i, uint32_t first, uint32_t end,
                    uint64_t over_ms, struct lanes *l)
{
    const __m256i *c = (const void *)&v->counter[v->member[0].nid + i];
    __m256i c01 = _mm256_loadu_si256(c), c23 = _mm256_loadu_si256(c + 1);
    __m256i busy = _mm256_unpacklo_epi64(c01, c23); /* inflight, streak */
    __m256i until = _mm256_unpackhi_epi64(c01, c23);
    __m256i cost = _mm256_permute4x64_epi64(
        _mm256_cvtepu32_epi64(
            _mm_loadu_si128((const void *)&v->cost[v->member[0].nid + i])),
        _MM_SHUFFLE(3, 1, 2, 0));
    __m256i at = _mm256_add_epi64(SAME(i), _mm256_set_epi64x(3, 1, 2, 0));
    __m256i counts = _mm256_andnot_si256(_mm256_cmpgt_epi64(SAME(first), at),
                                         _mm256_cmpgt_epi64(SAME(end), at));
    __m256i ejected = is_above(until, over_ms);
    __m256i out = _mm256_or_si256(at_least(cost, NODE_OUT), ejected);
    __m256i skipped = _mm256_or_si256(at_least(cost, NODE_WARMING), ejected);
    __m256i score, is_less;

    busy = _mm256_and_si256(_mm256_max_epi32(busy, _mm256_setzero_si256()),
                            SAME(SCAN_INFLIGHT_MASK));
    score = _mm256_mul_epu32(cost, _mm256_add_epi64(busy, SAME(1)));
    out = _mm256_or_si256(out, _mm256_cmpeq_epi64(counts, _mm256_setzero_si256()));
    score = _mm256_or_si256(score, _mm256_srli_epi64(out, 1));
    is_less = _mm256_cmpgt_epi64(l->score, score);
    l->score = _mm256_blendv_epi8(l->score, score, is_less);
    l->at = _mm256_blendv_epi8(l->at, at, is_less);
    l->n_skipped =
        _mm256_sub_epi64(l->n_skipped, _mm256_and_si256(skipped, counts));
}

AVX2 static struct scan_best best_of(const struct lanes *l, uint32_t none, uint32_t start)
{
    struct scan_best b = {UINT64_MAX, none, 0};
    uint64_t score[LANES], at[LANES], n_skipped[LANES];
    int i;

    _mm256_storeu_si256((void *)score, l->score);
    _mm256_storeu_si256((void *)at, l->at);
    _mm256_storeu_si256((void *)n_skipped, l->n_skipped);
    for (i = 0; i < LANES; i++) {
        uint32_t m = (uint32_t)at[i];

        b.n_skipped += (uint32_t)n_skipped[i];
        if (score[i] == INT64_MAX)
            continue;
        /* members before <start> come last: the difference is a large number */
        if (score[i] < b.score || (score[i] == b.score && m - start < b.at - start)) {
            b.score = score[i];
            b.at = m;
        }
    }
    return b;
}

AVX2 struct scan_best scan_row_best(const struct pick_view *v, uint32_t from, uint32_t to,
                               uint32_t start, uint64_t over_ms)
{
    struct lanes l = {SAME(INT64_MAX), SAME(0), SAME(0)};
    uint32_t i, last = to - LANES;

    for (i = start; i < to; i += LANES)
        look_at(v, i < last ? i : last, i, to, over_ms, &l);
    for (i = from; i < start; i += LANES)
        look_at(v, i < last ? i : last, i, start, over_ms, &l);
    return best_of(&l, v->n, start);
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
