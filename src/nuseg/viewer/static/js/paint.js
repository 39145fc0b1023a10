// WebGL: outlines, fills, points and density of nuclei over the picture. One colour per nucleus, in a texture.
const WIDTH = 2048; // of the texture of colours

export class Painter {
  constructor(canvas, shaders) {
    Object.assign(this, { canvas, programs: {} });
    this.gl = canvas.getContext("webgl2", { stencil: true, antialias: false, premultipliedAlpha: true });
    if (!this.gl) throw new Error("This browser has no WebGL 2, which draws the nuclei. Switch hardware acceleration on, or use another browser.");
    const cut = (text) => [text.split("\n", 1)[0], text.slice(text.indexOf("\n") + 1)];
    const { head, place, ...part } = Object.fromEntries(shaders.split(/^\/{4} /m).slice(1).map(cut)), kinds = ["line", "fill", "point", "density"];
    for (const kind of kinds) this.programs[kind] = this.program(head + place + part[`${kind} vertex`], head + part[`${kind} fragment`]);
    this.gl.enable(this.gl.BLEND); this.gl.blendFunc(this.gl.ONE, this.gl.ONE_MINUS_SRC_ALPHA);
  }

  program(vertex, fragment) {
    const { gl } = this, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text); gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    ["a", "b", "hub", "nucleus", "after"].forEach((name, i) => gl.bindAttribLocation(program, i, name));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    return { program, at: (name) => gl.getUniformLocation(program, name) };
  }

  begin(view) {
    const { gl, canvas } = this, { width, height } = this.view = view;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, width, height); gl.clear(gl.COLOR_BUFFER_BIT | gl.STENCIL_BUFFER_BIT);
  }

  /** Colours of a layer as a texture: 4 bytes for each nucleus. */
  colours(old, rgba) {
    const height = Math.max(1, Math.ceil(rgba.length / 4 / WIDTH)), padded = new Uint8Array(4 * WIDTH * height);
    padded.set(rgba);
    return this.picture(old, WIDTH, height, padded, this.gl.NEAREST);
  }

  picture(old, width, height, data, filter = this.gl.LINEAR) {
    const { gl } = this, texture = old ?? gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, filter);
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
    return texture;
  }

  buffer(data) {
    const { gl } = this, buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    return buffer;
  }

  /** Buffers of an outline cell: every ring is closed, and its first point goes with all its segments. */
  load(cell) {
    const n = cell.index.length, total = cell.xy.length / 2 + n;
    const xy = new Float32Array(2 * total + 2), hub = new Float32Array(2 * total + 2), nucleus = new Uint32Array(total + 1).fill(0xffffffff);
    for (let i = 0, at = 0; i < n; i++) {
      const first = cell.start[i], end = cell.start[i + 1];
      for (let p = first; p <= end; p++, at++) {
        const from = p === end ? first : p;
        xy.set([cell.xy[2 * from], cell.xy[2 * from + 1]], 2 * at);
        hub.set([cell.xy[2 * first], cell.xy[2 * first + 1]], 2 * at);
        nucleus[at] = cell.index[i];
      }
    }
    const { gl } = this, array = gl.createVertexArray(), buffers = [this.buffer(xy), this.buffer(hub), this.buffer(nucleus)];
    gl.bindVertexArray(array);
    for (const [of, ...where] of [[0, 0, 2, 0], [0, 1, 2, 8], [1, 2, 2, 0], [2, 3, 1, 0], [2, 4, 1, 4]]) this.attribute(buffers[of], ...where, 1);
    cell.loaded = { array, segments: total };
    cell.free = () => { gl.deleteVertexArray(array); buffers.forEach((one) => gl.deleteBuffer(one)); };
  }

  attribute(buffer, location, size, offset, divisor) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer); gl.enableVertexAttribArray(location);
    if (size === 1) gl.vertexAttribIPointer(location, 1, gl.UNSIGNED_INT, 4, offset);
    else gl.vertexAttribPointer(location, size, gl.FLOAT, false, 8, offset);
    gl.vertexAttribDivisor(location, divisor);
  }

  /** Free what a layer that is no longer shown holds. */
  forget({ points, texture, densityTexture }) {
    if (points) this.gl.deleteVertexArray(points);
    for (const one of [texture, densityTexture]) if (one) this.gl.deleteTexture(one);
  }

  use(name, colours, x, y, uniforms) {
    const { gl, view } = this, { program, at } = this.programs[name];
    gl.useProgram(program); gl.bindTexture(gl.TEXTURE_2D, colours);
    gl.uniform2f(at("origin"), x - view.x, y - view.y);
    gl.uniform2f(at("size"), view.width, view.height); gl.uniform1f(at("scale"), view.scale);
    for (const [key, value] of Object.entries(uniforms)) gl.uniform1f(at(key), value);
    return at;
  }

  outlines(cells, colours, { opacity, fill, width }) {
    const { gl } = this;
    for (const cell of cells) {
      if (!cell.loaded) this.load(cell);
      gl.bindVertexArray(cell.loaded.array);
      if (fill > 0) { // odd overlaps of the triangles from a ring's first point are its inside
        this.use("fill", colours, cell.x, cell.y, { opacity: fill });
        gl.enable(gl.STENCIL_TEST);
        for (const [shown, test, then] of [[false, gl.ALWAYS, gl.INVERT], [true, gl.EQUAL, gl.ZERO]]) {
          gl.colorMask(shown, shown, shown, shown);
          gl.stencilFunc(test, 1, 1); gl.stencilOp(then, then, then);
          gl.drawArraysInstanced(gl.TRIANGLES, 0, 3, cell.loaded.segments);
        }
        gl.disable(gl.STENCIL_TEST);
      }
      this.use("line", colours, cell.x, cell.y, { opacity, width });
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, cell.loaded.segments);
    }
    gl.bindVertexArray(null);
  }

  points(nuclei, runs, colours, opacity, width) {
    const { gl } = this;
    if (!nuclei.points) {
      const xy = new Float32Array(2 * nuclei.count);
      nuclei.order.forEach((key, i) => { xy[2 * i] = nuclei.x[key]; xy[2 * i + 1] = nuclei.y[key]; });
      nuclei.points = gl.createVertexArray();
      gl.bindVertexArray(nuclei.points);
      this.attribute(this.buffer(xy), 0, 2, 0, 0);
      this.attribute(this.buffer(nuclei.order), 3, 1, 0, 0);
    }
    gl.bindVertexArray(nuclei.points);
    this.use("point", colours, 0, 0, { opacity, width });
    for (const [from, to] of runs) if (to > from) gl.drawArrays(gl.POINTS, from, to - from);
    gl.bindVertexArray(null);
  }

  density(map, { width, height }, opacity) {
    const at = this.use("density", map, 0, 0, { opacity });
    this.gl.uniform2f(at("extent"), width, height);
    this.gl.drawArrays(this.gl.TRIANGLE_STRIP, 0, 4);
  }
}
