/* Runs a fuzz target over files and folders of files, with any compiler. Exits non-zero when
 * there was nothing to run, so that a lost corpus does not pass for a good one. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 4096

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size;
    struct stat info;

    if (!file || fstat(fileno(file), &info) != 0) {
        perror(path);
        exit(2);
    }
    /* Exactly as long as the file, so that a sanitizer sees the first byte behind it. */
    size = (size_t)info.st_size;
    data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) {
        perror(path);
        exit(2);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static int run_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char name[PATH_SIZE];
    int n = 0;

    if (!folder) {
        return run_file(path);
    }
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        n += run_file(name);
    }
    closedir(folder);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;
    int i;

    LLVMFuzzerInitialize(&argc, &argv);
    for (i = 1; i < argc; i++) {
        n += run_folder(argv[i]);
    }
    printf("%s: %d inputs\n", strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0],
           n);
    return n > 0 ? 0 : 1;
}
