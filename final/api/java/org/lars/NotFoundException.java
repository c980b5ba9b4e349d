package org.lars;

/** The module has no nodes, or the agent does not know it yet (ENOENT). */
public final class NotFoundException extends LarsException {
    private static final long serialVersionUID = 1;

    NotFoundException(int code, String text) {
        super(code, text);
    }
}
