/* fuzz_import_picture -- checks for any bytes of a picture: they are taken with their
 * type or refused with a reason, and an SVG that is taken has none of the words of a
 * script. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "site/import_picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.png", "a.jpg", "a.webp", "a.svg"};
    char why[IMPORT_PICTURE_WHY] = "";
    const char *mime = NULL;
    uint8_t *copy;
    int rc;

    if (size == 0)
        return 0;
    copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data + 1, size - 1);
    copy[size - 1] = '\0';
    rc = import_picture_check(names[data[0] % 4], copy, size - 1, &mime, why);
    if ((rc == 0 && !mime) || (rc < 0 && !why[0]))
        abort();
    if (rc == 0 && data[0] % 4 == 3 &&
        (strstr((char *)copy, "<script ") || strstr((char *)copy, "<!DOCTYPE")) &&
        !strstr((char *)copy, "<!--") && !strstr((char *)copy, "<![CDATA["))
        abort();
    free(copy);
    return 0;
}
