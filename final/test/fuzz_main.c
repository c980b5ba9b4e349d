/* fuzz_main -- runs a fuzz target without a fuzzer: passes it every file of its corpus,
 * so that the inputs that a fuzzer once found are tested in every run.
 *     build/fuzz_x_corpus NAME FOLDER */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    struct dirent *e;
    char path[4096];
    DIR *d = argc == 3 ? opendir(argv[2]) : NULL;
    int n = 0;

    while (d && (e = readdir(d))) {
        /* an allocation of exactly this size, so that tools detect a read past its end */
        uint8_t *data;
        long size;
        FILE *f;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", argv[2], e->d_name);
        f = fopen(path, "rb");
        if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
            return 1;
        rewind(f);
        data = malloc((size_t)size + (size == 0));
        if (!data || fread(data, 1, (size_t)size, f) != (size_t)size)
            return 1;
        fclose(f);
        LLVMFuzzerTestOneInput(data, (size_t)size);
        free(data);
        n++;
    }
    if (d)
        closedir(d);
    printf(n > 0 ? "ok - %s: %d inputs of its corpus\n" : "not ok - %s: no corpus\n",
           argc == 3 ? argv[1] : "?", n);
    return n == 0;
}
