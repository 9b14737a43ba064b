"""Commands on model files, given damaged and hostile ones."""

import os
import random
import resource
import subprocess
import time

import bad_input_files as files
import claims
import fleet
from claims import BAD_DATA, FAILED, MODEL, NOT_FOUND, UNSUPPORTED, USAGE


class ModelFiles(claims.Claims):
    @classmethod
    def setUpClass(cls):
        cls.place = fleet.Fleet(claims.BIN)
        cls.addClassCleanup(cls.place.close)
        with open(MODEL, "rb") as file:
            cls.sound = file.read()

    def model(self, command, path, *more):
        extra = {
            "tokenize": ["--text", "a"],
            "generate": ["--prompt", "a", "--max-tokens", "2"],
            "logits": ["--tokens", "1,2", "--out", self.place.path("logits.out")],
            "bench": ["--prompt-tokens", "2", "--generate", "2", "--repeat", "1"],
        }
        return self.place.linnet("model", command, path, *(more or extra.get(command, [])))

    def test_sound_file_passes_every_command(self):
        for command in ("inspect", "tokenize", "generate", "logits", "bench", "selfcheck"):
            self.taken(self.model(command, MODEL))

    def test_truncated_anywhere_is_refused(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", end=" ", flush=True)
        chosen = random.Random(seed)
        size = len(self.sound)
        cuts = [0, 1, 3, 4, 7, 8, 15, 16, 23, 24, 31, size // 2, size - 1]
        cuts += [chosen.randrange(24, 66_000) for _ in range(15)] + [chosen.randrange(size) for _ in range(10)]
        for cut in cuts:
            with self.subTest(bytes=cut):
                path = self.place.write("cut.gguf", self.sound[:cut])
                self.refused(self.model("inspect", path), BAD_DATA, path)
        for command in ("tokenize", "generate", "logits", "bench", "selfcheck"):
            self.refused(self.model(command, path), BAD_DATA, path)

    def test_flipped_bits_never_crash_a_command(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", end=" ", flush=True)
        chosen = random.Random(seed)
        for _ in range(25):
            damaged = bytearray(self.sound)
            for _ in range(chosen.randrange(1, 20)):
                damaged[chosen.randrange(66_000)] ^= 1 << chosen.randrange(8)
            path = self.place.write("flipped.gguf", bytes(damaged))
            result = self.model("generate", path)
            with self.subTest(damaged=result):
                if result.code != 0:
                    self.refused(result, (BAD_DATA, UNSUPPORTED, USAGE))

    def test_hostile_sizes_and_structures_are_refused(self):
        for name, content in files.hostile().items():
            path = self.place.write(name + ".gguf", content)
            for command in ("generate", "tokenize", "logits", "bench"):
                with self.subTest(file=name, command=command):
                    self.refused(self.model(command, path), (BAD_DATA, UNSUPPORTED), name)
            with self.subTest(file=name, command="inspect"):
                result = self.model("inspect", path)
                if result.code != 0:  # what inspect can read, it shows
                    self.refused(result, (BAD_DATA, UNSUPPORTED), name)

    def within_limits(self, name, content, codes, *says):
        """One clear error within a second and 100 MiB, from the program that reads files."""
        path = self.place.write(name + ".gguf", content)
        exact = claims.SLOWER == 1  # sanitizers need more of both

        def limit():
            if exact:
                resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

        probe = os.path.join(claims.BIN, "linnet-probe")
        start = time.monotonic()
        command = [probe, "model", "generate", path, "--prompt", "a", "--max-tokens", "2", "--threads", "1"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit)
        out, err = child.stdout.read(), child.stderr.read()
        child.stdout.close()
        child.stderr.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        result = fleet.Result(command, child.returncode, out, err, time.monotonic() - start)
        with self.subTest(file=name):
            self.refused(result, codes, name, *says, seconds=1)
            if exact:
                self.assertLess(usage.ru_maxrss, 100 * 1024, result)

    def test_each_damage_is_one_clear_error_soon_and_small(self):
        for name, content in files.hostile().items():
            self.within_limits(name, content, (BAD_DATA, UNSUPPORTED))
        for name, (content, says) in files.damaged(self.sound).items():
            self.within_limits(name, content, (BAD_DATA, UNSUPPORTED), says)
        self.assertEqual(files.Gguf(self.sound).write(), self.sound)  # taken apart and put together, it is sound

    def packed(self):
        path = self.place.path("sound.linnet")
        if not os.path.exists(path):
            self.taken(self.place.linnet("model", "pack", MODEL, path))
        return path

    def test_packed_file_passes_every_command_and_says_the_same(self):
        path = self.packed()
        for command in ("inspect", "tokenize", "generate", "logits", "bench", "selfcheck"):
            self.taken(self.model(command, path))
        for command in ("tokenize", "generate"):
            self.assertEqual(self.model(command, path).out, self.model(command, MODEL).out)
        self.taken(self.place.linnet("model", "generate", path, "--prompt", "a", "--max-tokens", "2", "--verify"))
        again = self.place.path("again.linnet")
        self.taken(self.place.linnet("model", "pack", MODEL, again))
        self.assertEqual(self.place.read(again), self.place.read(path))
        same = self.taken(self.place.linnet("model", "diff", MODEL, path)).out
        self.assertIn("metadata: 0 keys differ", same)
        self.assertIn("tensors: 0 differ", same)
        self.taken(self.place.linnet("model", "quantize", path, self.place.path("q.gguf"), "--type", "Q4_0", "--allow-requantize"))
        self.refused(self.place.linnet("model", "pack", MODEL, path), USAGE, path, "--force")
        self.refused(self.place.linnet("model", "pack", path, self.place.path("twice.linnet")), USAGE, "packed already")

    def test_damaged_packs_are_refused(self):
        sound = self.place.read(self.packed())
        seed = random.randrange(1 << 32)
        print(f"seed {seed}", end=" ", flush=True)
        chosen = random.Random(seed)
        for cut in [8, 9, 255, 256, 4095, 4096, len(sound) // 2, len(sound) - 1]:
            self.within_limits("cut", sound[:cut], BAD_DATA, "cut short")
        self.within_limits("longer", sound + bytes(64), BAD_DATA, "damaged")
        for _ in range(15):
            damaged = bytearray(sound)
            damaged[chosen.randrange(8, 9000)] ^= 1 << chosen.randrange(8)
            self.within_limits("flipped", bytes(damaged), (BAD_DATA, UNSUPPORTED))
        for _ in range(5):  # in the weights, where a start looks at samples
            damaged = bytearray(sound)
            damaged[chosen.randrange(9000, len(sound))] ^= 1 << chosen.randrange(8)
            path = self.place.write("flipped.linnet", bytes(damaged))
            self.refused(self.model("selfcheck", path), BAD_DATA, path, "checksum")

    def test_imported_pack_runs_until_the_file_changes(self):
        path = self.place.write("mine.gguf", self.sound)
        self.assertNotIn("note", self.taken(self.model("generate", path)).err)
        pack = self.taken(self.place.linnet("model", "import", path)).out.split(":")[0]
        result = self.place.linnet("model", "generate", path, "--prompt", "a", "--max-tokens", "2", "--json")
        self.assertIn(pack, self.taken(result).out)
        result = self.place.linnet("model", "generate", path, "--prompt", "a", "--max-tokens", "2", "--json", "--no-pack")
        self.assertNotIn(pack, self.taken(result).out)
        with open(path, "ab") as file:
            file.write(bytes(32))
        result = self.taken(self.model("generate", path))
        self.assertIn("linnet: note: " + pack, result.err)
        self.assertIn("running on the GGUF", result.err)

    def test_unknown_architecture_is_named(self):
        path = self.place.write("arch.gguf", files.with_architecture(self.sound, "quuux"))
        for command in ("generate", "logits", "bench", "selfcheck"):
            self.refused(self.model(command, path), UNSUPPORTED, "quuux", "llama")
        self.assertIn("quuux", self.taken(self.model("inspect", path)).out)

    def test_unsupported_tensor_type_is_named(self):
        for kind, name, tensor in ((24, "I8", "token_embd.weight"), (24, "I8", "blk.0.ffn_up.weight"),
                                   (files.I32, "I32", "output_norm.weight")):  # fmt: skip
            path = self.place.write(name + ".gguf", files.with_tensor_type(self.sound, tensor, kind))
            for command in ("generate", "logits", "bench", "selfcheck"):
                self.refused(self.model(command, path), UNSUPPORTED, name, tensor)
        unknown = self.place.write("type.gguf", files.with_tensor_type(self.sound, "token_embd.weight", 99))
        for command in ("inspect", "generate", "logits", "bench"):
            self.refused(self.model(command, unknown), UNSUPPORTED, "99", "token_embd.weight")

    def test_what_is_no_file_is_refused(self):
        pipe = self.place.path("pipe")
        os.mkfifo(pipe)
        for path in (self.place.dir, "/dev/zero", pipe):
            for command in ("inspect", "generate", "bench"):
                self.refused(self.model(command, path), BAD_DATA, path)
        missing = self.place.path("missing.gguf")
        for command in ("inspect", "tokenize", "generate", "logits", "bench"):
            self.refused(self.model(command, missing), NOT_FOUND, missing, "no such file")

    def test_tokens_out_of_the_vocabulary_are_refused(self):
        out = self.place.path("never.out")
        for tokens in ("2048", "99999999", "-1", "a", "", "1,,2", "4294967296", "1,99999999999999999999", "1;2"):
            with self.subTest(tokens=tokens):
                self.refused(self.model("logits", MODEL, "--tokens", tokens, "--out", out), USAGE)
        too_many = ",".join(["1"] * 5000)
        self.refused(self.model("logits", MODEL, "--tokens", too_many, "--out", out), USAGE, "by 4488")
        self.assertFalse(os.path.exists(out))
        self.refused(self.model("logits", MODEL, "--tokens", "1", "--out", "/proc/logits"), FAILED, "/proc/logits")

    def test_prompts_that_are_no_text_or_too_long_are_refused(self):
        self.refused(self.model("generate", MODEL, "--prompt", b"a\xff\xfe"), USAGE, "utf-8")
        self.refused(self.model("tokenize", MODEL, "--text", b"a\xff\xfe"), USAGE, "utf-8")
        path = self.place.write("prompt", b"a\xff")
        self.refused(self.model("generate", MODEL, "--prompt-file", path), USAGE, "utf-8", path)
        self.refused(self.model("generate", MODEL, "--prompt", "word " * 5000), USAGE, "exceed the context of 512 by ")
        self.refused(self.model("generate", MODEL, "--prompt-file", self.place.path("none")), NOT_FOUND, "none")

    def test_wrong_options_are_named(self):
        for options in (["--max-tokens", "-1"], ["--temperature", "nan"], ["--top-p", "7"], ["--threads", "9999"]):
            self.refused(self.model("generate", MODEL, "--prompt", "a", *options), USAGE)
        self.refused(self.place.linnet("model", "generate", MODEL), USAGE, "--prompt")
        self.refused(self.place.linnet("model", "inspect"), USAGE, "file")
        self.refused(self.place.linnet("model", "frobnicate", MODEL), USAGE, "frobnicate", "linnet model --help")
        self.refused(self.place.linnet("frobnicate"), USAGE, "frobnicate", "linnet --help")
        self.refused(self.place.linnet(), USAGE, "--help")


if __name__ == "__main__":
    claims.main()
