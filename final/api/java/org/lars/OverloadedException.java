package org.lars;

/** Every node is overloaded or down (EAGAIN): the node must not be called now. */
public final class OverloadedException extends LarsException {
    private static final long serialVersionUID = 1;

    OverloadedException(int code, String text) {
        super(code, text);
    }
}
