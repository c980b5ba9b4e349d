package org.lars;

/** What a call has shown about its node. The order is that of enum lars_outcome. */
public enum Outcome {
    /** The node answered as it should. */
    WELL,
    /** No answer in time, or a wrong one: the node may be ejected for it. */
    FAILED,
    /** The node refused the call to limit its load: other nodes are preferred, but it has not failed. */
    REJECTED,
    /** The caller gave up, for a reason of its own, which says nothing about the node. */
    CANCELLED
}
