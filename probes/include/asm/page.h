/* Pages are counted in bytes only by what the probes do not use. */
#define PAGE_SIZE 4096
